// Breaks each property that the rules require, and expects a complaint: a rule that never complains protects nothing.
//
//   MODEL=model.json node --test rules.test.mjs     the compose model, as compose-go prints it
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { composeFaults, environmentFaults } from './compose-rules.mjs';
import { dockerfileFaults, imageVariables } from './dockerfile-rules.mjs';

const model = JSON.parse(readFileSync(process.env.MODEL, 'utf8'));
const root = fileURLToPath(new URL('../..', import.meta.url));

test('the compose file is without fault', () => assert.deepEqual(composeFaults(model), []));

const breaks = {
  'names no user': (s) => delete s.postgres.user,
  'other than root': (s) => (s.console.user = '0:101'),
  'by number': (s) => (s.console.user = 'nginx'),
  'can be written': (s) => (s.apikeys.read_only = false),
  'keeps capabilities': (s) => (s.apikeys.cap_drop = ['NET_RAW']),
  'gain privileges': (s) => delete s.console.security_opt,
  'is privileged': (s) => (s.console.privileged = true),
  'shares a namespace': (s) => (s.apikeys.network_mode = 'host'),
  'limit of cpus': (s) => delete s.apikeys.deploy.resources.limits.cpus,
  'limit of memory': (s) => delete s.postgres.deploy.resources,
  'limit of pids': (s) => (s.console.deploy.resources.limits.pids = 0),
  'has no health check': (s) => (s.console.healthcheck.disable = true),
  'come back': (s) => (s.apikeys.restart = 'no'),
  'log without end': (s) => delete s.postgres.logging,
  'not pinned': (s) => (s.postgres.image = 'postgres:17.6-bookworm'),
  'undefined secret': (s) => s.console.secrets = [{ source: 'none' }],
  'undefined volume': (s) => (s.postgres.volumes[0].source = 'none'),
  'of the host': (s) => (s.console.volumes = [{ type: 'bind', source: '/var/run/docker.sock' }]),
  'undefined network': (s) => (s.console.networks.none = null),
  'undefined service': (s) => (s.console.depends_on.none = { condition: 'service_healthy' }),
  'is healthy': (s) => (s.console.depends_on.apikeys.condition = 'service_started'),
  'in its environment': (s) => (s.apikeys.environment.APIKEYS_MASTER_KEY = 'x'),
  'none of its secrets': (s) => s.apikeys.secrets.pop(),
  'does not come from a file': (_, m) => (m.secrets.master_key = { environment: 'MASTER_KEY' }),
  'service apikeys publishes': (s) => (s.apikeys.ports = [{ target: 8080, published: '8081' }]),
  'service postgres publishes': (s) => (s.postgres.ports = [{ target: 5432 }]),
  'console can reach postgres': (s) => (s.console.networks.database = null),
  "apikeys can't reach postgres": (s) => delete s.apikeys.networks.database,
  'not internal': (_, m) => (m.networks.database.internal = false),
  'apikeys is in the network edge': (s) => (s.apikeys.networks.edge = null),
  'postgres is in the network default': (s) => delete s.postgres.networks,
  'second replica': (s) => (s.apikeys.deploy.replicas = 1),
  'has its metrics on': (s) => delete s.apikeys.environment.APIKEYS_METRICS_LISTEN,
  'trust exactly': (s) => (s.apikeys.environment.APIKEYS_TRUSTED_PROXIES = '10.0.0.0/8'),
  'shares with console': (_, m) => delete m.networks.service.ipam,
  'no service console': (s) => delete s.console,
};
for (const [complaint, breakIt] of Object.entries(breaks)) {
  test(`a compose file is refused that ... ${complaint}`, () => {
    const broken = structuredClone(model);
    breakIt(broken.services, broken);
    const faults = composeFaults(broken);
    assert.ok(faults.some((fault) => fault.includes(complaint)), `the faults are ${JSON.stringify(faults)}`);
  });
}

for (const path of Object.values(model.services).flatMap(({ build }) => (build ? [build.dockerfile] : []))) {
  const content = readFileSync(`${root}/${path}`, 'utf8');
  test(`${path} is without fault`, () => assert.deepEqual(dockerfileFaults(root, path), []));

  const edits = {
    'is not pinned': (text) => text.replace(/@sha256:\w+/, ''),
    'by tag and digest': (text) => text.replace(/:[\w.-]+@sha256/, '@sha256'),
    'there is no stage none': (text) => text.replace(/--from=\w+/, '--from=none'),
    'there is no openapi.yaml.old': (text) => text.replace('COPY openapi.yaml', 'COPY openapi.yaml.old'),
    'COPY says what it does': (text) => text.replace('COPY openapi.yaml', 'ADD openapi.yaml'),
    'npm ci': (text) => text.replace('npm ci', 'npm install'),
    'runs something': (text) => `${text}RUN true\n`,
    'names no user': (text) => text.replace(/^USER .*$/m, ''),
    'other than root': (text) => `${text}USER 0:0\n`,
    'group other than root by number': (text) => `${text}USER nobody\n`,
    'has no health check': (text) => text.replace(/^HEALTHCHECK .*\\\n.*$/m, ''),
    'stay in the image': (text) => `${text}ENV APIKEYS_MASTER_KEY=x\n`,
  };
  for (const [complaint, edit] of Object.entries(edits)) {
    test(`${path} is refused when ... ${complaint}`, () => {
      const edited = edit(content);
      assert.notEqual(edited, content);
      const faults = dockerfileFaults(root, path, edited);
      assert.ok(faults.some((fault) => fault.includes(complaint)), `the faults are ${JSON.stringify(faults)}`);
    });
  }
}

for (const [name, service] of Object.entries(model.services).filter(([, { build }]) => build)) {
  const path = service.build.dockerfile;
  const content = readFileSync(`${root}/${path}`, 'utf8');
  const faultsWith = (added) => environmentFaults(service, imageVariables(root, path, `${content}${added}`));
  test(`the image of ${name} sets nothing that Compose gives in a file`, () => assert.deepEqual(faultsWith(''), []));

  for (const variable of Object.keys(service.environment).filter((name) => name.endsWith('_FILE'))) {
    const set = variable.replace(/_FILE$/, '');
    test(`an image of ${name} is refused that sets ${set}`, () => {
      const fault = [`reads ${variable}, and its image sets ${set}`];
      assert.deepEqual(faultsWith(`ENV ${set}=x\n`), fault);
      assert.deepEqual(faultsWith(`ENV OTHER=x \\\n    ${set}="x y"\n`), fault);
      assert.deepEqual(faultsWith(`ENV ${set} x\n`), fault);
      assert.deepEqual(environmentFaults(service, imageVariables(root, path, `FROM a AS b\nENV ${set}=x\n${content}`)), []);
    });
  }
}

test('the secrets for Compose are written once, where nobody else reads them', (t) => {
  const folder = mkdtempSync(`${tmpdir()}/apikeys-secrets-`);
  t.after(() => rmSync(folder, { recursive: true }));
  const script = `${folder}/.make/compose-secrets`; // it writes beside its own folder
  cpSync(`${root}/.make/compose-secrets`, script);
  const write = () => {
    execFileSync('sh', ['-c', 'umask 022 && exec "$0"', script], { stdio: 'pipe' });
    return Object.fromEntries(readdirSync(`${folder}/secrets`).map((name) => [name, readFileSync(`${folder}/secrets/${name}`, 'utf8')]));
  };
  const written = write();
  assert.equal(statSync(`${folder}/secrets`).mode & 0o777, 0o700);
  const read = Object.values(model.secrets).map(({ file }) => basename(file));
  assert.deepEqual(Object.keys(written).sort(), read.sort());
  assert.match(written.master_key, /^[A-Za-z0-9+/]{43}=$/); // 32 bytes in one line
  assert.deepEqual(write(), written);
});

test('the template of nginx names only what the image fills in', () => {
  const template = readFileSync(`${root}/frontend/nginx/nginx.conf.template`, 'utf8');
  const image = readFileSync(`${root}/frontend/Dockerfile`, 'utf8');
  const filter = new RegExp(/NGINX_ENVSUBST_FILTER="(.*?)"/.exec(image)[1]);
  const names = new Set([...template.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name));
  assert.ok(names.size > 0);
  for (const name of names) {
    assert.match(image, new RegExp(`^(?:ENV|   ) ${name}=`, 'm'));
    assert.match(name, filter);
  }
});
