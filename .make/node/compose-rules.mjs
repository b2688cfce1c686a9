// What docker-compose.yml must satisfy beyond its schema: each service is confined, bounded and monitored, secrets come only from
// files, and nothing can be reached except by the intended ways.

/** The service that is open to the world, the one that does the work, and the one that keeps the data. */
const [front, middle, back] = ['console', 'apikeys', 'postgres'];

/** Returns what is wrong with a compose model, in sentences. */
export function composeFaults(model) {
  const faults = [];
  for (const [name, service] of Object.entries(model.services)) {
    for (const fault of [...nameFaults(model, service), ...secretFaults(service), ...confinementFaults(service)]) {
      faults.push(`service ${name} ${fault}`);
    }
  }
  for (const [name, { file }] of Object.entries(model.secrets ?? {})) {
    if (!file) faults.push(`secret ${name} does not come from a file`);
  }
  return [...faults, ...topologyFaults(model)];
}

/** Every name that is used is defined. */
function* nameFaults(model, service) {
  for (const { source } of service.secrets ?? []) {
    if (!model.secrets?.[source]) yield `uses the undefined secret ${source}`;
  }
  for (const { type, source } of service.volumes ?? []) {
    if (type === 'volume' && !(source in (model.volumes ?? {}))) yield `uses the undefined volume ${source}`;
    if (type === 'bind') yield `mounts ${source} of the host`;
  }
  for (const network of networksOf(service)) {
    if (!(network in (model.networks ?? {}))) yield `uses the undefined network ${network}`;
  }
  for (const [dependency, { condition }] of Object.entries(service.depends_on ?? {})) {
    if (!model.services[dependency]) yield `depends on the undefined service ${dependency}`;
    if (condition !== 'service_healthy') yield `does not wait until ${dependency} is healthy`;
  }
}

/** The environment contains no secrets, and the files that it names are secrets of the service. */
function* secretFaults(service) {
  for (const [variable, value] of Object.entries(service.environment ?? {})) {
    if (variable.endsWith('_FILE')) {
      const secret = /^\/run\/secrets\/(.+)$/.exec(value)?.[1];
      if (!service.secrets?.some(({ source }) => source === secret)) yield `reads ${value}, which is none of its secrets`;
    } else if (/PASSWORD|SECRET|KEY$|TOKEN|DATABASE_URL$/.test(variable)) {
      yield `has a secret in its environment: ${variable}`;
    }
  }
}

/**
 * Returns what is wrong with the environment of a service whose image sets variables of these names. A variable that is given as
 * a file would be in conflict with the image's own, and a program that can't tell which one is meant refuses both.
 */
export function environmentFaults(service, imageVariables) {
  return Object.keys(service.environment ?? {})
    .filter((variable) => variable.endsWith('_FILE') && imageVariables.includes(variable.slice(0, -'_FILE'.length)))
    .map((variable) => `reads ${variable}, and its image sets ${variable.slice(0, -'_FILE'.length)}`);
}

/** Nothing that breaks into a service, or goes wrong in it, can spread. */
function* confinementFaults(service) {
  if (!/^[1-9]\d*:[1-9]\d*$/.test(service.user ?? '')) yield 'names no user and group other than root by number';
  if (!service.read_only) yield 'has a root file system that can be written';
  if (!service.cap_drop?.includes('ALL') || service.cap_add) yield 'keeps capabilities';
  if (!service.security_opt?.includes('no-new-privileges:true')) yield 'can gain privileges';
  if (service.privileged) yield 'is privileged';
  for (const namespace of ['network_mode', 'pid', 'ipc', 'userns_mode']) {
    if (service[namespace]) yield `shares a namespace: ${namespace}`;
  }
  const limits = service.deploy?.resources?.limits ?? {};
  for (const limit of ['cpus', 'memory', 'pids']) {
    if (!limits[limit]) yield `has no limit of ${limit}`;
  }
  if (!service.healthcheck?.test || service.healthcheck.disable) yield 'has no health check';
  if (service.restart !== 'unless-stopped') yield 'does not come back by itself';
  if (!service.logging?.options?.['max-size']) yield 'has a log without end';
  if (!service.build && !pinned(service.image ?? '')) yield 'has an image that is not pinned by tag and digest';
}

/** Reports whether a base image is pinned by version and digest. */
export function pinned(image) {
  return /:[\w.-]*\d[\w.-]*@sha256:[0-9a-f]{64}$/.test(image);
}

/** The world reaches only the front, the front reaches only the middle, and only the middle reaches the back. */
function* topologyFaults({ services, networks = {} }) {
  const missing = [front, middle, back].filter((name) => !services[name]);
  if (missing.length > 0) {
    yield `there is no service ${missing.join(', ')}`;
    return;
  }
  const together = (one, other) => networksOf(services[one]).filter((n) => networksOf(services[other]).includes(n));
  for (const [name, { ports }] of Object.entries(services)) {
    if (name !== front && ports?.length > 0) yield `service ${name} publishes a port; only ${front} may`;
    if (name !== middle && name !== back && together(name, back).length > 0) yield `service ${name} can reach ${back}`;
  }
  for (const name of [middle, back]) {
    for (const network of networksOf(services[name])) {
      if (!networks[network]?.internal) yield `service ${name} is in the network ${network}, which is not internal`;
    }
  }
  if (together(middle, back).length === 0) yield `service ${middle} can't reach ${back}`;
  if (!(services[middle].deploy?.replicas >= 2)) yield `service ${middle} has no second replica`;
  const environment = services[middle].environment ?? {};
  if (!environment.APIKEYS_METRICS_LISTEN) yield `service ${middle} has its metrics on the address that ${front} passes on`;
  const subnets = together(front, middle).flatMap((n) => networks[n]?.ipam?.config?.map(({ subnet }) => subnet) ?? []);
  if (subnets.length === 0 || environment.APIKEYS_TRUSTED_PROXIES !== subnets.join(',')) {
    yield `service ${middle} does not trust exactly the network that it shares with ${front}`;
  }
}

function networksOf(service) {
  return Object.keys(service.networks ?? { default: null });
}
