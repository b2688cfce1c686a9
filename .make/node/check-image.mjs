// Checks what no parser checks of docker-compose.yml and the Dockerfiles that it builds, on machines without a container engine:
// see compose-rules.mjs and dockerfile-rules.mjs.
//
//   node check-image.mjs MODEL.json     the compose model, as compose-go prints it
import { readFileSync } from 'node:fs';
import { composeFaults, environmentFaults } from './compose-rules.mjs';
import { dockerfileFaults, imageVariables } from './dockerfile-rules.mjs';

const model = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const faults = composeFaults(model);
for (const [name, service] of Object.entries(model.services)) {
  const { build } = service;
  if (!build) continue;
  faults.push(...dockerfileFaults(build.context, build.dockerfile));
  const variables = imageVariables(build.context, build.dockerfile);
  faults.push(...environmentFaults(service, variables).map((fault) => `service ${name} ${fault}`));
}
for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);
