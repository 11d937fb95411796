/**
 * What every environment of wrangler.toml must have, as pure functions over wrangler's own reading of it. Wrangler only
 * warns about a binding that is missing in an environment; here it is an error.
 */

/** The environments that are deployed; the top level is development. */
export const DEPLOYED = ["objects", "us", "eu", "apac", "global"] as const;
/** A deployed environment. */
export type Deployed = (typeof DEPLOYED)[number];

/** The part of wrangler's normalised configuration that the rules read. */
export interface EnvironmentConfig {
  readonly name?: string | undefined;
  readonly compatibility_date?: string | undefined;
  readonly compatibility_flags: readonly string[];
  readonly workers_dev?: boolean | undefined;
  readonly vars: Readonly<Record<string, unknown>>;
  readonly secrets?: { readonly required?: readonly string[] } | undefined;
  readonly durable_objects: {
    readonly bindings: readonly {
      readonly name: string;
      readonly class_name: string;
      readonly script_name?: string | undefined;
    }[];
  };
  readonly kv_namespaces: readonly { readonly binding: string; readonly id?: string | undefined }[];
  readonly ratelimits: readonly { readonly name: string }[];
  readonly services: readonly { readonly binding: string; readonly service?: string | undefined }[];
  readonly migrations: readonly object[];
  readonly placement?: object | undefined;
  readonly triggers: { readonly crons?: readonly string[] | undefined };
  readonly limits?: { readonly cpu_ms?: number | undefined } | undefined;
}

const SCRIPT = "toolformer-edge";
const SECRETS = ["KEY_PEPPERS", "MASTER_KEYS", "BOOTSTRAP_SECRET"];
const OBJECTS: Readonly<Record<string, string>> = {
  KEY_DIRECTORY: "KeyDirectory",
  TENANT: "Tenant",
  TENANT_GATE: "TenantGate",
  RUN_JOURNAL: "RunJournal",
  TOOL_SHARD: "ToolShard",
  KEPT_RESULT: "KeptResult",
  CONVERSATION: "Conversation",
  RESULT_CACHE: "ResultCache",
};
const REGION_SERVICES: Readonly<Record<string, string>> = {
  REGION_US: `${SCRIPT}-us`,
  REGION_EU: `${SCRIPT}-eu`,
  REGION_APAC: `${SCRIPT}-apac`,
};
/** What `global_fetch_strictly_public` would forbid in development: tools on loopback. */
const DEPLOYED_FLAGS = ["enable_request_signal", "global_fetch_strictly_public"];
/** Switches that exist to show what they are for, in development only. */
const DEVELOPMENT_SWITCHES = ["JOURNALING"];
/** Values that only make sense beside the local world of `dev/`. */
const LOCAL_VALUE = /localhost|127\.0\.0\.1|\[::1\]|^http:|scripted/i;

const ROLES: Readonly<Record<Deployed | "development", string>> = {
  development: "development",
  objects: "objects",
  us: "region",
  eu: "region",
  apac: "region",
  global: "router",
};

function serves(role: string): boolean {
  return role !== "router";
}

function bindingFaults(role: string, config: EnvironmentConfig): string[] {
  const faults: string[] = [];
  const required = new Set(config.secrets?.required);
  for (const name of SECRETS)
    if (!required.has(name)) faults.push(`secret ${name} is not required`);
  if (!config.kv_namespaces.some((kv) => kv.binding === "RESULTS"))
    faults.push("no KV namespace RESULTS");
  if (!config.ratelimits.some((limit) => limit.name === "KEY_SHIELD"))
    faults.push("no rate limit KEY_SHIELD");
  if (config.triggers.crons === undefined || config.triggers.crons.length === 0)
    faults.push("no cron trigger");
  const owner = role === "region" ? `${SCRIPT}-objects` : undefined;
  for (const [name, className] of Object.entries(OBJECTS)) {
    const binding = config.durable_objects.bindings.find((candidate) => candidate.name === name);
    if (binding === undefined) faults.push(`no Durable Object binding ${name}`);
    else if (binding.class_name !== className)
      faults.push(`${name} is bound to ${binding.class_name}`);
    else if (binding.script_name !== owner)
      faults.push(`${name} belongs to script ${binding.script_name ?? "itself"}`);
  }
  return faults;
}

function routerFaults(config: EnvironmentConfig): string[] {
  const faults: string[] = [];
  for (const [name, service] of Object.entries(REGION_SERVICES)) {
    const binding = config.services.find((candidate) => candidate.binding === name);
    if (binding?.service !== service) faults.push(`service binding ${name} is not ${service}`);
  }
  if (config.durable_objects.bindings.length > 0)
    faults.push("the router may bind no Durable Object");
  if ((config.secrets?.required?.length ?? 0) > 0) faults.push("the router may hold no secret");
  return faults;
}

function deployedFaults(role: string, config: EnvironmentConfig): string[] {
  const faults: string[] = [];
  for (const flag of DEPLOYED_FLAGS) {
    if (!config.compatibility_flags.includes(flag)) faults.push(`no compatibility flag ${flag}`);
  }
  if (config.vars["ALLOW_LOOPBACK"] !== "false") faults.push('ALLOW_LOOPBACK is not "false"');
  for (const [name, value] of Object.entries(config.vars)) {
    if (SECRETS.includes(name)) faults.push(`secret ${name} stands in vars`);
    if (DEVELOPMENT_SWITCHES.includes(name)) faults.push(`variable ${name} belongs to development`);
    if (LOCAL_VALUE.test(`${name}=${String(value)}`) || LOCAL_VALUE.test(String(value)))
      faults.push(`variable ${name} belongs to development`);
  }
  if (config.workers_dev !== false) faults.push("workers_dev is not false");
  if (role === "region" && (config.placement === undefined || !("region" in config.placement)))
    faults.push("no placement region");
  const owns = role === "objects";
  if (owns && config.migrations.length === 0) faults.push("no migrations");
  if (!owns && config.migrations.length > 0)
    faults.push("only the objects environment may carry migrations");
  return faults;
}

/** Sentences on what one environment lacks or may not have; empty when it is right. */
export function environmentFaults(
  name: Deployed | "development",
  config: EnvironmentConfig,
): string[] {
  const role = ROLES[name];
  const faults: string[] = [];
  const script = name === "development" ? SCRIPT : `${SCRIPT}-${name}`;
  if (config.name !== script)
    faults.push(`its script is ${config.name ?? "unnamed"}, not ${script}`);
  if (config.vars["ROLE"] !== role)
    faults.push(`ROLE is ${String(config.vars["ROLE"])}, not ${role}`);
  if (role === "region" && config.vars["REGION"] !== name)
    faults.push(`REGION is ${String(config.vars["REGION"])}, not ${name}`);
  if (config.compatibility_date === undefined) faults.push("no compatibility date");
  if (!config.compatibility_flags.includes("enable_request_signal"))
    faults.push("no compatibility flag enable_request_signal");
  if (config.limits?.cpu_ms === undefined) faults.push("no limits.cpu_ms");
  faults.push(...(serves(role) ? bindingFaults(role, config) : routerFaults(config)));
  if (role !== "development") faults.push(...deployedFaults(role, config));
  return [...new Set(faults)].map((fault) => `${name}: ${fault}`);
}

/** Faults that only show between environments: one date for all, and no KV namespace shared by two. */
export function crossFaults(all: Readonly<Record<string, EnvironmentConfig>>): string[] {
  const faults: string[] = [];
  const dates = new Set(Object.values(all).map((config) => config.compatibility_date));
  if (dates.size > 1)
    faults.push(`environments have different compatibility dates: ${[...dates].join(", ")}`);
  const owner = new Map<string, string>();
  for (const [name, config] of Object.entries(all)) {
    for (const { id } of config.kv_namespaces) {
      const other = id === undefined ? undefined : owner.get(id);
      if (other !== undefined)
        faults.push(`${name} and ${other} share the KV namespace ${String(id)}`);
      if (id !== undefined) owner.set(id, name);
    }
  }
  return faults;
}

/** KV ids are placeholders in the repository; a real deployment replaces them. */
export function hasPlaceholder(config: EnvironmentConfig): boolean {
  return config.kv_namespaces.some(({ id }) => id === undefined || /^0{20}/.test(id));
}
