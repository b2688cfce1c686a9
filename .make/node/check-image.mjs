// Checks what no parser does of docker-compose.yml and the Dockerfile that it builds, on machines without a container
// engine: names that are used are defined, files that are copied exist, and no secret stands in the file itself.
//
//   node check-image.mjs MODEL.json     the compose model, as compose-go prints it
import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { DockerfileParser } from 'dockerfile-ast';

const model = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const faults = [];

for (const [name, service] of Object.entries(model.services)) {
  for (const { source } of service.secrets ?? []) {
    if (!model.secrets?.[source]) faults.push(`service ${name} uses the undefined secret ${source}`);
  }
  for (const { type, source } of service.volumes ?? []) {
    if (type === 'volume' && source && !(source in (model.volumes ?? {}))) {
      faults.push(`service ${name} uses the undefined volume ${source}`);
    }
  }
  for (const dependency of Object.keys(service.depends_on ?? {})) {
    if (!model.services[dependency]) faults.push(`service ${name} depends on the undefined service ${dependency}`);
  }
  for (const [variable, value] of Object.entries(service.environment ?? {})) {
    if (/PASSWORD|SECRET|KEY$|DATABASE_URL$/.test(variable) && !variable.endsWith('_FILE')) {
      faults.push(`service ${name} has a secret in its environment: ${variable}`);
    }
    if (variable.endsWith('_FILE')) {
      const secret = /^\/run\/secrets\/(.+)$/.exec(value)?.[1];
      if (!service.secrets?.some(({ source }) => source === secret)) {
        faults.push(`service ${name} reads ${value}, which is none of its secrets`);
      }
    }
  }
  if (!service.healthcheck) faults.push(`service ${name} has no health check`);
  if (service.build) checkDockerfile(service.build);
}
for (const [name, { file }] of Object.entries(model.secrets ?? {})) {
  if (!file) faults.push(`secret ${name} does not come from a file`);
}

function checkDockerfile({ context, dockerfile }) {
  const path = isAbsolute(dockerfile) ? dockerfile : join(context, dockerfile);
  const file = DockerfileParser.parse(readFileSync(path, 'utf8'));
  const fault = (instruction, message) =>
    faults.push(`${dockerfile}:${instruction.getRange().start.line + 1}: ${message}`);

  const stages = [];
  for (const from of file.getFROMs()) {
    const image = from.getImage();
    if (image !== 'scratch' && !stages.includes(image) && !/:[\w.-]*\d/.test(image)) {
      fault(from, `${image} has no version`);
    }
    stages.push(from.getBuildStage());
  }
  for (const copy of file.getCOPYs()) {
    const source = copy.getFlags().find((flag) => flag.getName() === 'from')?.getValue();
    if (source && !stages.includes(source)) fault(copy, `there is no stage ${source}`);
    if (source) continue;
    for (const argument of copy.getArguments().slice(0, -1)) {
      if (!existsSync(join(context, argument.getValue()))) fault(copy, `there is no ${argument.getValue()}`);
    }
  }
  const user = file.getInstructions().findLast((instruction) => instruction.getKeyword() === 'USER');
  if (!user || /^(0|root)\b/.test(user.getArgumentsContent())) faults.push(`${dockerfile}: the service runs as root`);
}

for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);
