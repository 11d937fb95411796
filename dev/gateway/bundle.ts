/**
 * The built gateway: `dist/index.js` as `wrangler deploy --dry-run` writes it, and what wrangler.toml says about it.
 *
 * The build is skipped while dist is newer than every source. Reading wrangler.toml needs wrangler, which takes over a
 * second to load, so the part we need is kept beside the bundle. A failed build throws with wrangler's own words.
 */

import { execFile } from "node:child_process";
import {
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import {
  isObject,
  listOf,
  objectOf,
  parseObject,
  textOf,
  type UnknownObject,
} from "../http/json.ts";

/** Root of the repository. */
export const ROOT = join(import.meta.dirname, "..", "..");

/** Everything the bundle is made of. */
const SOURCES = ["src", "durable-objects", "wrangler.toml", "package-lock.json"];
const CONFIG_FILE = "gateway-config.json";

/** What serving the bundle needs to know of wrangler.toml (its top level, which is development). */
export interface GatewayConfig {
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  readonly vars: Readonly<Record<string, string>>;
  readonly kvNamespaces: Readonly<Record<string, string>>;
  readonly rateLimits: Readonly<
    Record<string, { readonly limit: number; readonly period: 10 | 60 }>
  >;
  /** Class name by binding. */
  readonly durableObjects: Readonly<Record<string, string>>;
}

/** A bundle ready to serve. */
export interface GatewayBundle {
  readonly script: string;
  readonly config: GatewayConfig;
}

/** The bundle in `dist`, built first when it is missing or older than its sources. */
export async function buildBundle(): Promise<GatewayBundle> {
  const directory = join(ROOT, "dist");
  if (!(await isFresh(directory))) await build(directory);
  return readBundle(directory);
}

/** The bundle in a directory that was built before; its configuration is read from wrangler.toml when not beside it. */
export async function readBundle(directory: string): Promise<GatewayBundle> {
  const kept = await readFile(join(directory, CONFIG_FILE), "utf8").catch(() => null);
  return {
    script: await readFile(join(directory, "index.js"), "utf8"),
    config: kept === null ? await readWranglerConfig() : configFrom(parseObject(kept)),
  };
}

async function isFresh(directory: string): Promise<boolean> {
  const built = await stat(join(directory, CONFIG_FILE)).catch(() => null);
  if (built === null) return false;
  const newest = await Promise.all(SOURCES.map((source) => newestChange(join(ROOT, source))));
  return Math.max(...newest) < built.mtimeMs;
}

async function newestChange(path: string): Promise<number> {
  const found = await stat(path);
  if (!found.isDirectory()) return found.mtimeMs;
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const changes = await Promise.all(
    entries.map(async (entry) => (await stat(join(entry.parentPath, entry.name))).mtimeMs),
  );
  return Math.max(found.mtimeMs, ...changes);
}

/** Builds beside `dist` and moves the files in, so a gateway that starts meanwhile never reads half a file. */
async function build(directory: string): Promise<void> {
  await mkdir(join(ROOT, ".wrangler"), { recursive: true });
  const fresh = await mkdtemp(join(ROOT, ".wrangler", "build-"));
  const startedAt = new Date();
  try {
    const wrangler = join(ROOT, "node_modules", "wrangler", "bin", "wrangler.js");
    const command = ["deploy", "--dry-run", "--minify", "--outdir", fresh, "--env="];
    await promisify(execFile)(process.execPath, [wrangler, ...command], {
      cwd: ROOT,
      env: { ...process.env, WRANGLER_SEND_METRICS: "false", NO_COLOR: "1" },
    });
    await writeFile(join(fresh, CONFIG_FILE), JSON.stringify(await readWranglerConfig(), null, 2));
    await mkdir(directory, { recursive: true });
    // The configuration goes last: its time is the time of the build.
    const files = (await readdir(fresh)).toSorted(
      (left, right) => Number(left === CONFIG_FILE) - Number(right === CONFIG_FILE),
    );
    for (const file of files) await rename(join(fresh, file), join(directory, file));
    await touch(join(directory, CONFIG_FILE), startedAt);
  } catch (error) {
    throw new Error(`the gateway does not build:\n${outputOf(error)}`, { cause: error });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** A source changed during the build must count as newer than the build. */
async function touch(path: string, at: Date): Promise<void> {
  await utimes(path, at, at);
}

function outputOf(error: unknown): string {
  if (!isObject(error)) return String(error);
  const text = [textOf(error, "stdout"), textOf(error, "stderr")]
    .filter((one) => one !== null && one !== "")
    .join("\n");
  return text === "" ? (textOf(error, "message") ?? "unknown reason") : text;
}

async function readWranglerConfig(): Promise<GatewayConfig> {
  const { unstable_readConfig: readConfig } = await import("wrangler");
  const read: unknown = readConfig({ config: join(ROOT, "wrangler.toml") });
  const config = isObject(read) ? read : {};
  return configFrom({
    compatibilityDate: config["compatibility_date"],
    compatibilityFlags: config["compatibility_flags"],
    vars: config["vars"],
    kvNamespaces: pairs(listOf(config, "kv_namespaces"), "binding", "id"),
    rateLimits: pairs(listOf(config, "ratelimits"), "name", "simple"),
    durableObjects: pairs(
      listOf(objectOf(config, "durable_objects"), "bindings"),
      "name",
      "class_name",
    ),
  });
}

function pairs(list: readonly unknown[], name: string, value: string): UnknownObject {
  return Object.fromEntries(list.filter(isObject).map((one) => [String(one[name]), one[value]]));
}

function configFrom(value: UnknownObject): GatewayConfig {
  return {
    compatibilityDate: textOf(value, "compatibilityDate") ?? "",
    compatibilityFlags: listOf(value, "compatibilityFlags").map(String),
    vars: textsOf(objectOf(value, "vars")),
    kvNamespaces: textsOf(objectOf(value, "kvNamespaces")),
    rateLimits: Object.fromEntries(
      Object.keys(objectOf(value, "rateLimits")).map((name) => {
        const { limit, period } = objectOf(objectOf(value, "rateLimits"), name);
        return [name, { limit: Number(limit), period: period === 10 ? 10 : 60 }];
      }),
    ),
    durableObjects: textsOf(objectOf(value, "durableObjects")),
  };
}

function textsOf(object: UnknownObject): Record<string, string> {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, String(value)]));
}
