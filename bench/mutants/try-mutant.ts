/** Tries one mutant: its tests in a process of its own, within a time. */

import { spawn } from "node:child_process";
import { join } from "node:path";

import type { Job } from "./test-runner.ts";

/** What became of a mutant. A timeout counts as killed: no test waits for ever. */
export interface Verdict {
  readonly verdict: "killed" | "survived" | "timeout";
  /** What killed it. */
  readonly said: string;
}

const RUNNER = join(import.meta.dirname, "test-runner.ts");

/** Never rejects; leaves no process behind. */
export function tryMutant(job: Job, timeoutMs: number): Promise<Verdict> {
  const { promise, resolve } = Promise.withResolvers<Verdict>();
  const child = spawn(process.execPath, ["--no-warnings", RUNNER, JSON.stringify(job)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  let isLate = false;
  const hear = (text: Buffer): void => {
    said = (said + text.toString()).slice(0, 2_000);
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  child.on("close", (code) => {
    clearTimeout(timer);
    const verdict = isLate ? "timeout" : code === 0 ? "survived" : "killed";
    resolve({ verdict, said });
  });
  return promise;
}
