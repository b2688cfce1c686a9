// What a Dockerfile must satisfy beyond its syntax: base images that stay the same, files that exist, and a last stage that only
// copies what earlier stages have built and does not run as root.
import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { DockerfileParser } from 'dockerfile-ast';
import { pinned } from './compose-rules.mjs';

/** Returns what is wrong with a Dockerfile, in sentences. Paths in it are below context. */
export function dockerfileFaults(context, path, content = read(context, path)) {
  const file = DockerfileParser.parse(content);
  const faults = [];
  const fault = (instruction, message) => faults.push(`${path}:${instruction.getRange().start.line + 1}: ${message}`);

  const stages = [];
  for (const from of file.getFROMs()) {
    const image = from.getImage();
    if (image !== 'scratch' && !stages.includes(image) && !pinned(image)) {
      fault(from, `${image} is not pinned by tag and digest`);
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

  const instructions = file.getInstructions();
  const lastFrom = instructions.findLastIndex((instruction) => instruction.getKeyword() === 'FROM');
  for (const [index, instruction] of instructions.entries()) {
    const keyword = instruction.getKeyword();
    const content = instruction.getArgumentsContent() ?? '';
    if (keyword === 'ADD') fault(instruction, 'ADD fetches and unpacks; COPY says what it does');
    if (keyword === 'RUN' && index > lastFrom) fault(instruction, 'the last stage runs something; let a stage before do it');
    if (keyword === 'RUN' && /\bnpm (i|install)\b/.test(content)) fault(instruction, 'npm ci takes what the lock file names');
    if (['ARG', 'ENV'].includes(keyword) && /PASSWORD|SECRET|TOKEN|MASTER_KEY/.test(content)) {
      fault(instruction, 'a secret would stay in the image');
    }
  }
  const final = instructions.slice(lastFrom);
  const user = final.findLast((instruction) => instruction.getKeyword() === 'USER');
  if (!/^[1-9]\d*:[1-9]\d*$/.test(user?.getArgumentsContent() ?? '')) {
    faults.push(`${path}: the last stage names no user and group other than root by number`);
  }
  if (!final.some((instruction) => instruction.getKeyword() === 'HEALTHCHECK')) {
    faults.push(`${path}: the last stage has no health check`);
  }
  return faults;
}

/** Returns the names of the variables that an image has from the last stage of its Dockerfile. */
export function imageVariables(context, path, content = read(context, path)) {
  const file = DockerfileParser.parse(content);
  const last = file.getFROMs().at(-1).getRange().start.line;
  return file
    .getENVs()
    .filter((env) => env.getRange().start.line > last)
    .flatMap((env) => env.getProperties().map((property) => property.getName()));
}

function read(context, path) {
  return readFileSync(isAbsolute(path) ? path : join(context, path), 'utf8');
}
