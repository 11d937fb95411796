/**
 * `npm run check:config`: fails when an environment of wrangler.toml lacks something its role needs, carries something of
 * development, or when a list of migrations changed its past. `-- --update` writes new migrations into the lock; it
 * refuses to rewrite old ones.
 */

import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { unstable_readConfig as readConfig } from "wrangler";

import {
  DEPLOYED,
  crossFaults,
  environmentFaults,
  type EnvironmentConfig,
} from "./config-rules.ts";
import {
  lockFaults,
  lockOf,
  unlocked,
  type LockedMigration,
  type MigrationLock,
} from "./migration-lock.ts";

const LOCK = "durable-objects/migrations.lock.json";

interface SqlMigration {
  readonly id: string;
  readonly sql: string;
}

function isSqlMigration(value: unknown): value is SqlMigration {
  return (
    typeof value === "object" &&
    value !== null &&
    "id" in value &&
    "sql" in value &&
    typeof value.id === "string" &&
    typeof value.sql === "string"
  );
}

function isLock(value: unknown): value is MigrationLock {
  return typeof value === "object" && value !== null && Object.values(value).every(Array.isArray);
}

/** Reads wrangler.toml as wrangler does, one environment at a time. */
export function readEnvironment(name: string | undefined): EnvironmentConfig {
  return readConfig(
    { config: "wrangler.toml", ...(name === undefined ? {} : { env: name }) },
    { hideWarnings: true },
  );
}

async function actualMigrations(owner: EnvironmentConfig): Promise<MigrationLock> {
  const lists: Record<string, LockedMigration[]> = {
    wrangler: owner.migrations.map((migration) =>
      lockOf("tag" in migration ? String(migration.tag) : "untagged", JSON.stringify(migration)),
    ),
  };
  for (const file of globSync("durable-objects/*/schema.ts").toSorted()) {
    const module: unknown = await import(pathToFileURL(resolve(file)).href);
    const list: unknown =
      typeof module === "object" && module !== null && "MIGRATIONS" in module
        ? module.MIGRATIONS
        : null;
    if (!Array.isArray(list) || !list.every(isSqlMigration))
      throw new Error(`${file} exports no MIGRATIONS`);
    lists[basename(dirname(file))] = list.map(({ id, sql }) => lockOf(id, sql));
  }
  return lists;
}

async function main(): Promise<number> {
  const environments: Record<string, EnvironmentConfig> = {
    development: readEnvironment(undefined),
  };
  const faults = environmentFaults("development", readEnvironment(undefined));
  for (const name of DEPLOYED) {
    environments[name] = readEnvironment(name);
    faults.push(...environmentFaults(name, readEnvironment(name)));
  }
  faults.push(...crossFaults(environments));
  const stored: unknown = existsSync(LOCK) ? JSON.parse(readFileSync(LOCK, "utf8")) : {};
  const lock = isLock(stored) ? stored : {};
  const actual = await actualMigrations(readEnvironment("objects"));
  const rewritten = lockFaults(lock, actual);
  const fresh = unlocked(lock, actual);
  if (process.argv.includes("--update") && rewritten.length === 0) {
    writeFileSync(LOCK, `${JSON.stringify(actual, null, 2)}\n`);
    console.log(`${LOCK}: ${fresh.length} migrations added`);
  } else
    faults.push(
      ...fresh.map((name) => `${name} is not in ${LOCK}; run npm run check:config -- --update`),
    );
  faults.push(...rewritten);
  for (const fault of faults) console.error(fault);
  const migrations = Object.values(actual).flat().length;
  console.log(
    `${DEPLOYED.length + 1} environments, ${migrations} migrations, ${faults.length} faults`,
  );
  return faults.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exit(await main());
