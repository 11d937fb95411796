/**
 * The built gateway in miniflare, with real Durable Objects (SQLite), KV and rate limits, on a direct socket.
 *
 * A direct socket goes straight to workerd: `wrangler dev`'s proxy hides a client that leaves and is some thirty times
 * slower. Several workers share the same objects, as several isolates would. Nothing is left behind after `dispose`, a
 * signal, or the end of this process; without `persistTo` no state is left either.
 */

import { Log, LogLevel, Miniflare, convertV4MiniflareOptions } from "miniflare";

import { buildBundle, readBundle, type GatewayBundle } from "./gateway/bundle.ts";
import { armReaper, childProcesses } from "./gateway/reaper.ts";
import { randomSecrets, type GatewaySecrets } from "./gateway/secrets.ts";

/** One line the gateway logged. */
export interface GatewayLog {
  readonly level: string;
  readonly message: string;
}

/** How a gateway is served. */
export interface GatewayOptions {
  /** Port of the first worker; 0 or absent: a free one. */
  readonly port?: number;
  /** Directory for the state of objects and KV; absent: kept only while the gateway runs. */
  readonly persistTo?: string;
  /** Copies of the worker sharing the same objects, each on its own port; 1 when absent. */
  readonly workers?: number;
  /** Bindings besides or instead of those of wrangler.toml. */
  readonly bindings?: Readonly<Record<string, string>>;
  /** Random ones when absent. */
  readonly secrets?: GatewaySecrets;
  /** A directory built before, instead of `dist`. */
  readonly bundleDir?: string;
  /** Other workers in the same runtime, such as an empty pass-through to compare with. */
  readonly extraWorkers?: readonly ExtraWorker[];
  /** The extra worker whose class `TenantGate` the gateway asks instead of its own; that one can bind the gateway's. */
  readonly gateIn?: string;
  /** Receives what the gateway logs; absent: warnings and errors go to stderr. */
  readonly onLog?: (line: GatewayLog) => void;
}

/** A Worker beside the gateway. */
export interface ExtraWorker {
  readonly name: string;
  readonly script: string;
  readonly compatibilityFlags?: readonly string[];
  /** Classes of objects it has a binding of, by binding: its own, and the gateway's. */
  readonly ownObjects?: Readonly<Record<string, string>>;
  readonly gatewayObjects?: Readonly<Record<string, string>>;
}

/** A running gateway. */
export interface Gateway {
  /** Of the first worker, without a trailing slash. */
  readonly baseUrl: string;
  /** Through miniflare's own entry, which serves `/cdn-cgi/local/scheduled`. */
  readonly adminUrl: string;
  /** Ports of all workers, then of the extra ones. */
  readonly directPorts: readonly number[];
  readonly secrets: GatewaySecrets;
  /** Of the runtime. */
  readonly processIds: readonly number[];
  readonly mf: Miniflare;
  readonly dispose: () => Promise<void>;
}

/** Builds the gateway when needed and serves it on 127.0.0.1. */
export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const bundle =
    options.bundleDir === undefined ? await buildBundle() : await readBundle(options.bundleDir);
  const secrets = options.secrets ?? randomSecrets();
  // Without this miniflare asks the network where it is; nothing here may leave loopback.
  process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false";
  const names = Array.from({ length: options.workers ?? 1 }, (_, index) => `gateway-${index}`);
  const extras = options.extraWorkers ?? [];
  const before = new Set(childProcesses());
  const mf = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      log: new Log(LogLevel.ERROR),
      handleStructuredLogs: (line) => {
        (options.onLog ?? warn)({ level: line.level, message: line.message });
      },
      telemetry: { enabled: false },
      ...(options.persistTo === undefined ? {} : { resourcePersistencePath: options.persistTo }),
      workers: [
        ...names.map((name, index) => ({
          ...workerOf(bundle, name, { ...secrets, ...options.bindings }, options.gateIn),
          unsafeDirectSockets: [{ host: "127.0.0.1", port: index === 0 ? (options.port ?? 0) : 0 }],
        })),
        ...extras.map(({ name, script, compatibilityFlags = [], ...objects }) => ({
          name,
          modules: true,
          script,
          compatibilityDate: bundle.config.compatibilityDate,
          compatibilityFlags: [...compatibilityFlags],
          durableObjects: {
            ...bindingsOf(objects.ownObjects),
            ...bindingsOf(objects.gatewayObjects, "gateway-0"),
          },
          unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
        })),
      ],
    }),
  );
  try {
    const adminUrl = (await mf.ready).origin;
    const urls = await Promise.all(
      [...names, ...extras.map(({ name }) => name)].map((name) => mf.unsafeGetDirectURL(name)),
    );
    const processIds = childProcesses().filter((id) => !before.has(id));
    const disarm = armReaper(processIds);
    return {
      baseUrl: urls[0]?.origin ?? adminUrl,
      adminUrl,
      directPorts: urls.map((url) => Number(url.port)),
      secrets,
      processIds,
      mf,
      dispose: async () => {
        disarm();
        await mf.dispose();
      },
    };
  } catch (error) {
    await mf.dispose();
    throw error;
  }
}

/** The first worker owns the objects; further ones reach the same ones by its name. */
function workerOf(
  bundle: GatewayBundle,
  name: string,
  bindings: Readonly<Record<string, string>>,
  gateIn: string | undefined,
) {
  const { config, script } = bundle;
  const objects = { ...config.durableObjects };
  const gate = objects["TENANT_GATE"] ?? "TenantGate";
  const owner = name === "gateway-0" ? undefined : "gateway-0";
  return {
    name,
    modules: true,
    script,
    compatibilityDate: config.compatibilityDate,
    compatibilityFlags: [...config.compatibilityFlags],
    bindings: { ...config.vars, ...bindings },
    kvNamespaces: { ...config.kvNamespaces },
    ratelimits: Object.fromEntries(
      Object.entries(config.rateLimits).map(([binding, simple]) => [
        binding,
        { namespace_id: binding, simple },
      ]),
    ),
    durableObjects: {
      ...bindingsOf(objects, owner),
      // An object that nobody binds in its own script is not there for others either.
      ...(gateIn !== undefined && {
        ...bindingsOf({ OWN_TENANT_GATE: gate }, owner),
        ...bindingsOf({ TENANT_GATE: gate }, gateIn),
      }),
    },
  };
}

/** Bindings of objects of a script; absent: of the worker's own. */
function bindingsOf(objects: Readonly<Record<string, string>> = {}, scriptName?: string) {
  return Object.fromEntries(
    Object.entries(objects).map(([binding, className]) => [
      binding,
      { className, useSQLite: true, ...(scriptName !== undefined && { scriptName }) },
    ]),
  );
}

function warn(line: GatewayLog): void {
  if (line.level === "warn" || line.level === "error") process.stderr.write(`${line.message}\n`);
}
