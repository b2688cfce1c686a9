// Checks what no parser does of docker-compose.yml and the Dockerfiles that it builds, on machines without a container
// engine: see compose-rules.mjs and dockerfile-rules.mjs.
//
//   node check-image.mjs MODEL.json     the compose model, as compose-go prints it
import { readFileSync } from 'node:fs';
import { composeFaults } from './compose-rules.mjs';
import { dockerfileFaults } from './dockerfile-rules.mjs';

const model = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const faults = composeFaults(model);
for (const { build } of Object.values(model.services)) {
  if (build) faults.push(...dockerfileFaults(build.context, build.dockerfile));
}
for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);
