/**
 * The workloads of the speed-up benchmark and the least time each can take: its critical path, given how many calls may
 * be in flight. `W4` is three dependent stages of calls between two model calls; the stages are separate runs.
 */

/** Calls that may all run at once. */
export interface Stage {
  readonly calls: number;
  readonly ms: number;
}

/** Model calls before and after, and stages of tool calls that follow one another. */
export interface Workload {
  readonly id: string;
  readonly label: string;
  readonly modelBeforeMs: number | null;
  readonly stages: readonly Stage[];
  readonly modelAfterMs: number | null;
  /** Least speed-up of the fan-out mode, where one is promised. */
  readonly minSpeedup: number | null;
  /** Most time of the fan-out mode, where one is promised. */
  readonly maxP95Ms: number | null;
}

/** Connections one invocation spends on tool calls. */
export const SLOTS = 5;

const NO_MODEL = { modelBeforeMs: null, modelAfterMs: null, maxP95Ms: null };

/** Every workload. The delays stand for one network call each. */
export const WORKLOADS: readonly Workload[] = [
  {
    ...NO_MODEL,
    id: "W1",
    label: "W1 web search, 5 calls × 468 ms",
    stages: [{ calls: 5, ms: 468 }],
    minSpeedup: 4.8,
  },
  {
    ...NO_MODEL,
    id: "W2",
    label: "W2 multi-API fetch, 20 calls × 283.5 ms",
    stages: [{ calls: 20, ms: 283.5 }],
    minSpeedup: 12,
  },
  {
    ...NO_MODEL,
    id: "W3",
    label: "W3 code analysis, 10 calls × 892 ms",
    stages: [{ calls: 10, ms: 892 }],
    minSpeedup: 9,
  },
  {
    id: "W4",
    label: "W4 research, model, 10 × 900 ms, 24 × 900 ms, 10 × 1,120 ms, model",
    modelBeforeMs: 1500,
    stages: [
      { calls: 10, ms: 900 },
      { calls: 24, ms: 900 },
      { calls: 10, ms: 1120 },
    ],
    modelAfterMs: 2000,
    minSpeedup: 6.7,
    maxP95Ms: null,
  },
  {
    ...NO_MODEL,
    id: "W5",
    label: "50 calls × 100 ms",
    stages: [{ calls: 50, ms: 100 }],
    minSpeedup: null,
    maxP95Ms: 200,
  },
];

/** The least time of a workload with at most `inFlight` calls at once: waves of equal calls, one stage after another. */
export function boundMs(workload: Workload, inFlight: number): number {
  const stages = workload.stages.map(({ calls, ms }) => Math.ceil(calls / inFlight) * ms);
  const model = (workload.modelBeforeMs ?? 0) + (workload.modelAfterMs ?? 0);
  return stages.reduce((sum, ms) => sum + ms, model);
}
