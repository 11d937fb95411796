/** Judges mutants: their tests in a process beside this one, which is kept warm and replaced when it has to be. */

import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";

import type { Job, JobAnswer } from "./test-runner.ts";

/** What became of a mutant. A timeout counts as killed: no test waits for ever. */
export interface Verdict {
  readonly verdict: "killed" | "survived" | "timeout";
  /** What killed it. */
  readonly said: string;
  readonly tookMs: number;
}

const RUNNER = join(import.meta.dirname, "test-runner.ts");

/** Modules of past jobs are never given back, so a process does so many. */
const MAX_JOBS = 60;

/** One warm process. Jobs are done one at a time. */
export class Judge {
  #child: ChildProcess | null = null;
  #done = 0;

  /** Never rejects. */
  async judge(job: Job, timeoutMs: number): Promise<Verdict> {
    const isFresh = this.#child === null;
    const first = await this.#ask(job, timeoutMs);
    if (first === null || !first.isLoose || isFresh) return verdictOf(first, timeoutMs);
    // Something an earlier mutant left behind may have failed.
    this.close();
    return verdictOf(await this.#ask(job, timeoutMs), timeoutMs);
  }

  /** Leaves no process behind. */
  close(): void {
    this.#child?.kill("SIGKILL");
    this.#child = null;
  }

  /** The answer to a job; null when it took too long. */
  async #ask(job: Job, timeoutMs: number): Promise<JobAnswer | null> {
    if (this.#done >= MAX_JOBS) this.close();
    const child = (this.#child ??= this.#start());
    const { promise, resolve } = Promise.withResolvers<JobAnswer | null>();
    const onAnswer = (answer: JobAnswer): void => resolve(answer);
    const onExit = (): void => resolve({ failure: "ended the process", isLoose: true, tookMs: 0 });
    const timer = setTimeout(() => resolve(null), timeoutMs);
    child.on("message", onAnswer);
    child.on("exit", onExit);
    child.send(JSON.stringify(job));
    const answer = await promise;
    clearTimeout(timer);
    child.off("message", onAnswer);
    child.off("exit", onExit);
    this.#done += 1;
    if (answer === null || child.exitCode !== null) this.close();
    return answer;
  }

  #start(): ChildProcess {
    this.#done = 0;
    return fork(RUNNER, {
      execArgv: ["--no-warnings"],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
  }
}

function verdictOf(answer: JobAnswer | null, timeoutMs: number): Verdict {
  if (answer === null) return { verdict: "timeout", said: "", tookMs: timeoutMs };
  const { failure, tookMs } = answer;
  return { verdict: failure === null ? "survived" : "killed", said: failure ?? "", tookMs };
}
