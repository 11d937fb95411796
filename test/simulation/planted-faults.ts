/**
 * Cores with one planted fault each: proof that the simulation sees what it is there to see. Each breaks one guarantee and
 * says which; the checker of that guarantee, and no accident of another, has to find it.
 */

import { decorateLanes } from "../../src/orchestration/journal/decorate-lanes.ts";
import type { RunControl } from "../../src/orchestration/run-control.ts";
import type { CallResult } from "../../src/contract/run.ts";
import { REAL_CORE, type Core } from "./core.ts";
import type { Guarantee } from "./trace.ts";

/** A fault and what it breaks. */
export interface PlantedFault {
  readonly what: string;
  readonly breaks: Guarantee;
  readonly core: Core;
}

function core(changes: Partial<Core>): Core {
  return { ...REAL_CORE, ...changes };
}

/** Lanes whose every call goes through `run`, above or below the log. */
const { lanes, runCalls, runChat } = REAL_CORE;

/** A control that says yes and does nothing. */
function deafControl(control: RunControl): RunControl {
  return {
    answered: control.answered,
    cancel: (part) => control.cancel(part),
    answer: () => control.answer(() => true),
  };
}

/** The faults. */
export const PLANTED_FAULTS: readonly PlantedFault[] = [
  {
    what: "calls do not wait for what they need",
    breaks: "a call starts only when what it needs has succeeded, and with its results",
    core: core({
      runCalls: (run, ports, signal) =>
        runCalls(
          { ...run, calls: run.calls.map((call) => ({ ...call, needs: [], references: [] })) },
          ports,
          signal,
        ),
    }),
  },
  {
    what: "results in the order they ended",
    breaks: "results stand in the caller's order",
    core: core({
      runCalls: async (run, ports, signal) => {
        const report = await runCalls(run, ports, signal);
        const byEnd = report.results.toSorted((a, b) => b.startedMs - a.startedMs);
        return { ...report, results: byEnd };
      },
    }),
  },
  {
    what: "no log of calls",
    breaks: "a write is sent at most once",
    core: core({
      lanes: (pool, numbers, tools, _durable, bounds) => lanes(pool, numbers, tools, null, bounds),
    }),
  },
  {
    what: "the log forgets how calls ended",
    breaks: "a finished result is never lost",
    core: core({
      lanes: (pool, numbers, tools, durable, bounds) => {
        const calls = durable?.calls ?? null;
        const forgetful =
          calls === null || durable === null
            ? durable
            : {
                ...durable,
                calls: {
                  find: (key: string) => calls.find(key),
                  claim: () => undefined,
                  send: () => Promise.resolve(),
                  settle: () => Promise.resolve(),
                },
              };
        return lanes(pool, numbers, tools, forgetful, bounds);
      },
    }),
  },
  {
    what: "an unknown outcome is called a failure",
    breaks: "a write that may have happened says so",
    core: core({
      lanes: (...given) =>
        decorateLanes(lanes(...given), {
          run: async (lane, call, timeoutMs, signal) => {
            const outcome = await lane.run(call, timeoutMs, signal);
            return outcome.status === "outcome_unknown"
              ? { ...outcome, status: "failed" as const }
              : outcome;
          },
        }),
    }),
  },
  {
    what: "each request has a key of its own",
    breaks: "an idempotent write keeps its key",
    core: core({
      lanes: (pool, ...rest) => {
        let sent = 0;
        const rekeyed = decorateLanes(pool, {
          run: (lane, call, timeoutMs, signal) => {
            sent += 1;
            const idempotencyKey = `${call.idempotencyKey ?? ""}${sent}`;
            return lane.run({ ...call, idempotencyKey }, timeoutMs, signal);
          },
        });
        return lanes(rekeyed, ...rest);
      },
    }),
  },
  {
    what: "the deadline counts from the last crash",
    breaks: "nothing is sent after the deadline",
    core: core({
      runCalls: (run, ports, signal) =>
        runCalls({ ...run, deadlineMs: run.deadlineMs * 4 }, ports, signal),
      lanes: (pool, numbers, tools, durable, bounds) =>
        lanes(pool, numbers, tools, durable, { ...bounds, deadlineAtMs: Infinity }),
    }),
  },
  {
    what: "an abort does not reach the tool",
    breaks: "nothing is open after the end",
    core: core({
      lanes: (pool, ...rest) =>
        lanes(
          decorateLanes(pool, {
            run: (lane, call, timeoutMs) => lane.run(call, timeoutMs, new AbortController().signal),
          }),
          ...rest,
        ),
    }),
  },
  {
    what: "one call too many",
    breaks: "caps hold",
    core: core({
      runCalls: (run, ports, signal) =>
        runCalls({ ...run, maxParallel: run.maxParallel + 1 }, ports, signal),
    }),
  },
  {
    what: "no caps by tag, host and group",
    breaks: "caps hold",
    core: core({
      runCalls: ({ caps: _none, ...run }, ports, signal) => runCalls(run, ports, signal),
    }),
  },
  {
    what: "one slot is never used",
    breaks: "no slot idles while a call could run",
    core: core({
      runCalls: (run, ports, signal) =>
        runCalls({ ...run, maxParallel: Math.max(1, run.maxParallel - 1) }, ports, signal),
    }),
  },
  {
    what: "a cancelled call is said to have succeeded after all",
    breaks: "every call ends once",
    core: core({
      runCalls: (run, ports, signal) =>
        runCalls(
          run,
          {
            ...ports,
            emit: async (event) => {
              await ports.emit(event);
              if (event.type === "call.cancelled")
                await ports.emit(succeededAfterAll(event.result));
            },
          },
          signal,
        ),
    }),
  },
  {
    what: "a cancel that is only said",
    breaks: "what is cancelled is not sent and does not succeed",
    core: core({
      runCalls: ({ ...run }, ports, signal) =>
        runCalls(
          run,
          { ...ports, ...(ports.control && { control: deafControl(ports.control) }) },
          signal,
        ),
    }),
  },
  {
    what: "writes start while the model still writes",
    breaks: "nothing shows before it is committed",
    core: core({
      runChat: (run, ports, signal) =>
        runChat(
          run,
          {
            ...ports,
            tools: {
              ...ports.tools,
              plan: (...written) => {
                const planned = ports.tools.plan(...written);
                return planned.ok
                  ? { ok: true, value: { ...planned.value, effect: "read" } }
                  : planned;
              },
            },
          },
          signal,
        ),
    }),
  },
  {
    what: "a started call is shown at once",
    breaks: "nothing shows before it is committed",
    core: core({
      runChat: (run, ports, signal) => {
        const shown = decorateLanes(ports.lanes, {
          run: async (lane, call, timeoutMs, callSignal) => {
            await ports.emit({
              type: "tool",
              activity: { type: "tool.started", call_id: call.id, name: call.tool, t_ms: 0 },
            });
            return lane.run(call, timeoutMs, callSignal);
          },
        });
        return runChat(run, { ...ports, lanes: shown }, signal);
      },
    }),
  },
  {
    what: "a run that never says its end",
    breaks: "the run ends",
    core: core({
      runCalls: async (run, ports, signal) => {
        await runCalls(run, ports, signal);
        return new Promise(() => undefined);
      },
    }),
  },
];

function succeededAfterAll(result: CallResult) {
  return { type: "call.completed", result: { ...result, status: "succeeded" } } as const;
}
