/**
 * Directs the branches of one run: hears every call that ends, decides each group (`decide-group.ts`) and cancels what
 * has lost, in the same moment: the scheduler tells it of a winner before anything else starts.
 *
 * A scorer that points is read from the output of the branch's last call. A scorer tool is one more call of the run,
 * which is given `{branch, results: [{id, tool, status, output}]}` and answers a number or `{"score": number}`; until it
 * has, the branch is open. A scorer that fails leaves its branch without a score.
 *
 * Calls may need calls of another branch; when that branch is cancelled they are skipped, and their branch has failed.
 */

import type { BranchReport } from "../../contract/branch.ts";
import { hasResult, type CallResult } from "../../contract/run.ts";
import { planCall, type FindTool } from "../plan/plan-call.ts";
import type { Clock } from "../ports.ts";
import type { Scheduler } from "../schedule/scheduler.ts";
import { decideGroup, type BranchView, type GroupDecision } from "./decide-group.ts";
import { isFragment, type BranchPlan, type PlannedBranch } from "./plan-branches.ts";
import { readScore, resultAsJson, scoreOf } from "./score.ts";
import { Abort } from "../../platform/abort.ts";

/** What directing needs. */
export interface DirectorPorts {
  readonly clock: Clock;
  readonly scheduler: Pick<Scheduler, "submit" | "result" | "cancel">;
  readonly find: FindTool;
}

interface Live {
  readonly plan: PlannedBranch;
  readonly results: Map<string, CallResult>;
  state: BranchView["state"];
  endedAtMs: number | null;
  score: number | null;
  isCancelled: boolean;
}

interface LiveGroup {
  readonly plan: BranchPlan["groups"][number];
  readonly members: readonly Live[];
  decision: GroupDecision;
}

/** Follows the branches of one run until every group is decided. Close it when the run has ended. */
export class BranchDirector {
  readonly #ports: DirectorPorts;
  readonly #startedAtMs: number;
  readonly #branches: ReadonlyMap<string, Live>;
  readonly #groups: readonly LiveGroup[];
  readonly #branchOfCall = new Map<string, Live>();
  /** Scorer calls under way. */
  #scoring = 0;
  #timer = new Abort();
  #done = Promise.withResolvers<void>();

  constructor({ branches, groups }: BranchPlan, ports: DirectorPorts) {
    this.#ports = ports;
    this.#startedAtMs = ports.clock.now();
    const lives = branches.map((plan): Live => ({
      plan,
      results: new Map(),
      state: "open",
      endedAtMs: null,
      score: null,
      isCancelled: false,
    }));
    this.#branches = new Map(lives.map((live) => [live.plan.name, live]));
    for (const live of lives) {
      for (const call of live.plan.calls) this.#branchOfCall.set(call, live);
    }
    this.#groups = groups.map((plan) => ({
      plan,
      members: lives.filter((live) => live.plan.group === plan.name),
      decision: UNDECIDED,
    }));
  }

  /** Begins; without it no branch is ever cut. */
  start(): void {
    this.#decide();
  }

  /** Resolves when every branch has ended and every group is decided. A reset branch makes a new promise. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** True when every branch has ended and every group is decided. */
  get isDone(): boolean {
    return (
      this.#scoring === 0 &&
      this.#groups.every(({ decision }) => decision.state !== "open") &&
      [...this.#branches.values()].every(({ state }) => state !== "open")
    );
  }

  /** Leaves no timer. */
  close(): void {
    this.#timer.abort();
  }

  /** True when the run has such a branch. */
  has(branch: string): boolean {
    return this.#branches.has(branch);
  }

  /** Somebody cancels the branch; say so before its calls are. */
  noteCancelled(branch: string): void {
    const live = this.#branches.get(branch);
    if (live !== undefined && live.state === "open") live.isCancelled = true;
  }

  /** True for a branch somebody cancelled whose group is not decided: its cancel can be taken back. */
  canReset(branch: string): boolean {
    const live = this.#branches.get(branch);
    const group = this.#groups.find(({ plan }) => plan.name === live?.plan.group);
    const isOpen = group === undefined || group.decision.state === "open";
    return live !== undefined && live.isCancelled && isOpen;
  }

  /** The branch is open again, but for those of its calls that have not been put back. */
  noteReset(branch: string, revivedCalls: readonly string[]): void {
    const live = this.#branches.get(branch);
    if (live === undefined) return;
    live.isCancelled = false;
    // Its calls may all have ended by themselves while they were being cancelled: then it is what it came to.
    if (revivedCalls.length === 0) return;
    for (const call of revivedCalls) live.results.delete(call);
    live.state = "open";
    live.endedAtMs = null;
    this.#done.resolve();
    this.#done = Promise.withResolvers<void>();
    if ([...live.results.values()].some((result) => !isGood(result))) this.#end(live, "failed");
    this.#decide();
  }

  /** A call of the run has ended. */
  onSettled(result: CallResult): void {
    const live = this.#branchOfCall.get(result.id);
    if (live === undefined || !live.plan.calls.includes(result.id)) return;
    live.results.set(result.id, result);
    if (live.state === "open") this.#note(live, result);
    this.#decide();
  }

  /** Each branch's line of the answer. */
  reports(): Readonly<Record<string, BranchReport>> {
    return Object.fromEntries(
      [...this.#branches].map(([name, live]) => [name, this.#report(live)]),
    );
  }

  /** The last calls of the branches that count: winners, and what succeeded without rivals; with their scores. */
  counted(): ReadonlyMap<string, number | null> {
    const counted = [...this.#branches.values()].filter((live) => {
      const { status } = this.#report(live);
      return status === "won" || status === "succeeded";
    });
    return new Map(counted.map(({ plan, score }) => [plan.calls.at(-1) ?? "", score]));
  }

  /** Calls of branches that lost or were cut although their group has won: they do not speak against the run. */
  excused(): ReadonlySet<string> {
    const groups = this.#groups.filter(({ decision }) => decision.state === "won");
    const losers = groups.flatMap(({ members, decision }) =>
      members.filter(({ plan }) => !decision.winners.includes(plan.name)),
    );
    return new Set(losers.flatMap(({ plan }) => plan.calls));
  }

  #note(live: Live, result: CallResult): void {
    if (!isGood(result)) return this.#end(live, "failed");
    if (live.results.size < live.plan.calls.length) return;
    const { score } = live.plan;
    const last = live.results.get(live.plan.calls.at(-1) ?? "");
    if (score === null) return this.#end(live, "succeeded");
    if (isFragment(score)) {
      live.score = scoreOf(last?.outputJson ?? "null", score);
      return this.#end(live, "succeeded");
    }
    void this.#askScorer(live, score);
  }

  #end(live: Live, state: "succeeded" | "failed" | "cut"): void {
    live.state = state;
    live.endedAtMs = this.#ports.clock.now();
  }

  /** The branch stays open until its scorer has answered, whatever it answers. Never rejects. */
  async #askScorer(live: Live, tool: string): Promise<void> {
    const { name, calls } = live.plan;
    const results = calls.flatMap((id) => live.results.get(id) ?? []);
    const values = { branch: name, results: results.map(resultAsJson) };
    const planned = planCall(this.#ports.find, `${name}/score`, tool, values);
    if (planned.ok) {
      this.#scoring += 1;
      this.#ports.scheduler.submit([{ ...planned.value, partOf: name }]);
      const scored = await this.#ports.scheduler.result(planned.value.id);
      this.#scoring -= 1;
      live.score = hasResult(scored) ? readScore(scored.outputJson ?? "null") : null;
    }
    if (live.state === "open") this.#end(live, "succeeded");
    this.#decide();
  }

  /** Decides every group that is not, and sets the alarm for the next cut. */
  #decide(): void {
    const nowMs = this.#ports.clock.now();
    let wakeAtMs = Infinity;
    for (const group of this.#groups) {
      if (group.decision.state !== "open") continue;
      group.decision = decideGroup(
        group.plan.rules,
        group.members.map(viewOf),
        this.#startedAtMs,
        nowMs,
      );
      this.#carryOut(group);
      wakeAtMs = Math.min(wakeAtMs, group.decision.wakeAtMs ?? Infinity);
    }
    this.#timer.abort();
    if (wakeAtMs !== Infinity) {
      this.#timer = new Abort();
      // Not awaited: it ends with the timer at the latest, and a clock never rejects.
      void this.#wake(wakeAtMs - nowMs, this.#timer.signal);
    }
    if (this.isDone) this.#done.resolve();
  }

  async #wake(afterMs: number, signal: AbortSignal): Promise<void> {
    await this.#ports.clock.sleep(afterMs, signal);
    if (!signal.aborted) this.#decide();
  }

  /** Cancelling ends calls at once or soon; the branches are marked first, so that their ends change nothing. */
  #carryOut({ decision, members }: LiveGroup): void {
    const out = [...decision.losers, ...decision.cut];
    for (const name of out) {
      const live = members.find(({ plan }) => plan.name === name);
      if (live !== undefined) this.#end(live, "cut");
    }
    const others =
      decision.state === "open"
        ? []
        : members.filter(
            ({ plan, results }) =>
              !decision.winners.includes(plan.name) && results.size < plan.calls.length,
          );
    for (const branch of new Set([...out, ...others.map(({ plan }) => plan.name)]))
      this.#ports.scheduler.cancel({ branch });
  }

  #report({ plan, state, score, isCancelled }: Live): BranchReport {
    const scored = score === null ? {} : { score };
    if (plan.group === null) {
      const status = isCancelled ? "cancelled" : state === "succeeded" ? "succeeded" : "failed";
      return { status, ...scored };
    }
    const group = this.#groups.find((each) => each.plan.name === plan.group);
    return { status: statusIn(group, plan.name, state, isCancelled), group: plan.group, ...scored };
  }
}

const UNDECIDED: GroupDecision = {
  state: "open",
  winners: [],
  losers: [],
  cut: [],
  wakeAtMs: null,
};

function statusIn(
  group: LiveGroup | undefined,
  name: string,
  state: BranchView["state"],
  isCancelled: boolean,
): BranchReport["status"] {
  if (group?.decision.winners.includes(name) === true) return "won";
  if (isCancelled) return "cancelled";
  if (state === "failed") return "failed";
  return state === "cut" && !(group?.decision.losers.includes(name) ?? false) ? "cut" : "lost";
}

function viewOf({ plan, state, endedAtMs, score }: Live): BranchView {
  return { name: plan.name, state, endedAtMs, score, slowAfterMs: plan.slowAfterMs };
}

function isGood(result: CallResult): boolean {
  return hasResult(result);
}
