/**
 * List scheduling, spelled out: after everything that happens, look at all calls and start the best one that may start,
 * again and again. Slow and obvious; the scheduler has to do exactly the same.
 */

/** One call of a plan. Times in ms. */
export interface SlowCall {
  readonly id: string;
  readonly needs: readonly string[];
  /** Caps it counts under. */
  readonly caps: readonly { readonly name: string; readonly limit: number }[];
  readonly branch: string | null;
  readonly priority: number;
  readonly weightMs: number;
  readonly durationMs: number;
  readonly timeoutMs: number;
  readonly fails: boolean;
  readonly isWrite: boolean;
  /** Goes on when it is aborted or out of time. */
  readonly isDeaf: boolean;
}

/** What happens to a run from outside. */
export type SlowAction =
  | { readonly kind: "submit"; readonly calls: readonly SlowCall[] }
  | {
      readonly kind: "cancel";
      readonly target: { readonly call: string } | { readonly branch: string };
    }
  | { readonly kind: "reset"; readonly branch: string };

/** A run: actions at their moments, the last of them followed by the seal. */
export interface SlowRun {
  /** When it begins, on the clock of all moments in here. */
  readonly startMs: number;
  readonly actions: readonly { readonly atMs: number; readonly action: SlowAction }[];
  readonly maxParallel: number;
  readonly deadlineAtMs: number;
  readonly stopGraceMs: number;
  readonly overdueGraceMs: number;
}

interface State {
  readonly call: SlowCall;
  phase: "waiting" | "running" | "ended";
  rank: number;
  priority: number;
  startedMs: number;
  endMs: number;
  wasAborted: boolean;
  giveUpAtMs: number;
  lostAs: string;
  status: string;
}

/** What became of a run. */
export interface SlowOutcome {
  readonly starts: readonly {
    readonly id: string;
    readonly atMs: number;
    readonly timeoutMs: number;
  }[];
  readonly results: readonly {
    readonly id: string;
    readonly status: string;
    readonly startedMs: number;
    readonly durationMs: number;
  }[];
}

/** Carries out a run. */
export class SlowScheduler {
  readonly #run: SlowRun;
  readonly #states: State[] = [];
  readonly #starts: { id: string; atMs: number; timeoutMs: number }[] = [];
  readonly #cancelledBranches = new Set<string>();
  /** Everything that will happen, in the order it was planned. */
  #events: { readonly atMs: number; readonly happen: () => void }[] = [];
  #nowMs: number;
  #isSealed = false;
  #isStopped = false;

  constructor(run: SlowRun) {
    this.#run = run;
    this.#nowMs = run.startMs;
  }

  outcome(): SlowOutcome {
    const { actions, deadlineAtMs } = this.#run;
    this.#plan(deadlineAtMs, () => this.#stop());
    for (const [index, { atMs, action }] of actions.entries()) {
      this.#plan(atMs, () => {
        this.#act(action);
        if (index === actions.length - 1) this.#seal();
      });
    }
    for (;;) {
      const next = this.#events.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#events = this.#events.filter((event) => event !== next);
      this.#nowMs = next.atMs;
      next.happen();
      this.#startAll();
    }
    const results = this.#states.map(({ call, status, startedMs, endMs }) => ({
      id: call.id,
      status,
      startedMs,
      durationMs: endMs - startedMs,
    }));
    return { starts: this.#starts, results };
  }

  #plan(atMs: number, happen: () => void): void {
    this.#events.push({ atMs, happen });
  }

  #act(action: SlowAction): void {
    if (action.kind === "reset") this.#cancelledBranches.delete(action.branch);
    else if (action.kind === "submit") this.#submit(action.calls);
    else {
      const { target } = action;
      if ("branch" in target) this.#cancelledBranches.add(target.branch);
      for (const state of this.#states) {
        const { id, branch } = state.call;
        if ("branch" in target ? branch === target.branch : id === target.call)
          this.#abort(state, "cancelled");
      }
    }
  }

  #submit(calls: readonly SlowCall[]): void {
    const isLinked = calls.some(
      ({ id, needs }) =>
        needs.length > 0 ||
        this.#states.some((state) => state.phase === "waiting" && state.call.needs.includes(id)),
    );
    for (const call of calls) {
      this.#states.push({
        call,
        phase: "waiting",
        rank: call.weightMs,
        priority: call.priority,
        startedMs: 0,
        endMs: 0,
        wasAborted: false,
        giveUpAtMs: Infinity,
        lostAs: "",
        status: "",
      });
    }
    for (const state of this.#states.filter(({ phase }) => isLinked && phase !== "ended")) {
      state.rank = this.#rankOf(state.call);
      state.priority = this.#priorityOf(state.call);
    }
    for (const { id, branch } of calls) {
      const isUnwanted = branch !== null && this.#cancelledBranches.has(branch);
      if (this.#isStopped) this.#end(id, "timeout");
      else if (isUnwanted) this.#end(id, "cancelled");
    }
  }

  #followers(call: SlowCall): readonly SlowCall[] {
    return this.#states
      .filter((state) => state.phase !== "ended" && state.call.needs.includes(call.id))
      .map((state) => state.call);
  }

  #rankOf(call: SlowCall): number {
    return call.weightMs + Math.max(0, ...this.#followers(call).map((each) => this.#rankOf(each)));
  }

  #priorityOf(call: SlowCall): number {
    return Math.max(call.priority, ...this.#followers(call).map((each) => this.#priorityOf(each)));
  }

  #seal(): void {
    this.#isSealed = true;
    const known = new Set(this.#states.map(({ call }) => call.id));
    for (const { call } of this.#states)
      if (call.needs.some((need) => !known.has(need))) this.#end(call.id, "skipped");
  }

  #stop(): void {
    this.#isStopped = true;
    for (const state of this.#states) this.#abort(state, "timeout");
  }

  #abort(state: State, status: string): void {
    if (state.phase === "waiting") this.#end(state.call.id, status);
    if (state.phase !== "running" || state.wasAborted) return;
    state.wasAborted = true;
    state.lostAs = status;
    if (!state.call.isDeaf) return this.#plan(this.#nowMs, () => this.#end(state.call.id, status));
    this.#giveUpAt(state, Math.min(state.giveUpAtMs, this.#nowMs + this.#run.stopGraceMs));
  }

  #giveUpAt(state: State, atMs: number): void {
    state.giveUpAtMs = atMs;
    this.#plan(atMs, () => {
      if (state.giveUpAtMs === atMs)
        this.#end(state.call.id, state.call.isWrite ? "outcome_unknown" : state.lostAs);
    });
  }

  #end(id: string, status: string): void {
    const state = this.#states.find(({ call }) => call.id === id);
    if (state === undefined || state.phase === "ended") return;
    if (state.phase === "waiting") state.startedMs = this.#nowMs;
    state.phase = "ended";
    state.endMs = this.#nowMs;
    state.status = status;
  }

  #statusOf(id: string): string | null {
    const state = this.#states.find(({ call }) => call.id === id);
    return state?.phase === "ended" ? state.status : null;
  }

  /** Skips what cannot run any more and starts what can, until nothing changes. */
  #startAll(): void {
    for (;;) {
      const waiting = this.#states.filter(({ phase }) => phase === "waiting");
      const hopeless = waiting.filter(({ call }) =>
        call.needs.some((need) => ![null, "succeeded"].includes(this.#statusOf(need))),
      );
      for (const { call } of hopeless) this.#end(call.id, "skipped");
      if (hopeless.length > 0) continue;
      const best = waiting.filter((state) => this.#mayStart(state)).toSorted(byStanding)[0];
      if (best !== undefined) this.#start(best);
      else if (this.#isDeadlocked(waiting))
        for (const { call } of waiting) this.#end(call.id, "skipped");
      else return;
    }
  }

  #isDeadlocked(waiting: readonly State[]): boolean {
    const isQuiet = this.#states.every(({ phase }) => phase !== "running");
    return this.#isSealed && isQuiet && waiting.length > 0;
  }

  #mayStart({ call }: State): boolean {
    const running = this.#states.filter(({ phase }) => phase === "running");
    return (
      !this.#isStopped &&
      running.length < this.#run.maxParallel &&
      call.needs.every((need) => this.#statusOf(need) === "succeeded") &&
      call.caps.every(({ name, limit }) => {
        const same = running.filter((each) => each.call.caps.some((cap) => cap.name === name));
        return same.length < limit;
      })
    );
  }

  #start(state: State): void {
    const { call } = state;
    const leftMs = this.#run.deadlineAtMs - this.#nowMs;
    const following = state.rank - call.weightMs;
    const budgetMs = Math.max(leftMs - following, (leftMs * call.weightMs) / state.rank);
    const timeoutMs = Math.min(call.timeoutMs, budgetMs);
    state.phase = "running";
    state.startedMs = this.#nowMs;
    state.lostAs = "timeout";
    this.#starts.push({ id: call.id, atMs: this.#nowMs, timeoutMs });
    const isTooSlow = !call.isDeaf && call.durationMs > timeoutMs;
    const answer = call.fails ? "failed" : "succeeded";
    this.#plan(this.#nowMs + (isTooSlow ? timeoutMs : call.durationMs), () =>
      this.#end(call.id, isTooSlow ? "timeout" : answer),
    );
    this.#giveUpAt(state, this.#nowMs + timeoutMs + this.#run.overdueGraceMs);
  }
}

function byStanding(a: State, b: State): number {
  return b.priority - a.priority || b.rank - a.rank;
}
