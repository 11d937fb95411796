/**
 * Which state a start works on. One process at a time owns the state on disk: two runtimes on the same SQLite files would
 * damage them. A second start keeps its state only while it runs. State whose secrets are gone cannot be opened any more
 * and is set aside, not deleted.
 */

import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The state of one start. */
export interface ClaimedState {
  /** Null: keep nothing after the end. */
  readonly directory: string | null;
  /** Null: random secrets that are kept nowhere. */
  readonly secretsFile: string | null;
  readonly demoFile: string;
  /** What the user should know. */
  readonly notes: readonly string[];
  release(): Promise<void>;
}

/** Claims the state on disk, or a temporary one when another process has it. */
export async function claimState(
  local: string,
  directory: string,
  port: number,
): Promise<ClaimedState> {
  await mkdir(local, { recursive: true, mode: 0o700 });
  const lock = join(local, "start.pid");
  const owner = Number(await readFile(lock, "utf8").catch(() => "0"));
  if (owner !== process.pid && isAlive(owner)) {
    const own = join(local, `demo-${port}.json`);
    return {
      directory: null,
      secretsFile: null,
      demoFile: own,
      notes: [
        `Another npm start runs (process ${owner}); this one keeps its state only while it runs.`,
      ],
      release: () => rm(own, { force: true }),
    };
  }
  await writeFile(lock, String(process.pid));
  const secretsFile = join(local, "secrets.json");
  return {
    directory,
    secretsFile,
    demoFile: join(local, "demo.json"),
    notes: await setAside(directory, secretsFile),
    release: () => rm(lock, { force: true }),
  };
}

/** Moves state away whose secrets are missing. */
async function setAside(directory: string, secretsFile: string): Promise<string[]> {
  const [hasState, hasSecrets] = await Promise.all([exists(directory), exists(secretsFile)]);
  if (!hasState || hasSecrets) return [];
  const aside = `${directory}-unreadable-${Date.now()}`;
  await rename(directory, aside);
  return [
    `The secrets of earlier state are gone, so it cannot be opened; it was moved to ${aside}.`,
  ];
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

/** Signal 0 asks whether a process exists without disturbing it. */
function isAlive(processId: number): boolean {
  if (!Number.isInteger(processId) || processId <= 0) return false;
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}
