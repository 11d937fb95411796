/** The tools of one run, checked together, and the lanes that make their calls. */

import type { Violation } from "../contract/error.ts";
import type { CallOutcome } from "../contract/run.ts";
import type { Tool } from "../contract/tool.ts";
import { type RegisteredTools, checkChain } from "../orchestration/chains/check-chain.ts";
import { chainCalls } from "../orchestration/chains/chain-calls.ts";
import { journalCalls } from "../orchestration/journal/journal-calls.ts";
import { limitCalls } from "../orchestration/journal/limit-calls.ts";
import { CallNumbers } from "../orchestration/journal/number-calls.ts";
import { shareCalls } from "../orchestration/journal/share-calls.ts";
import type { FindTool } from "../orchestration/plan/plan-call.ts";
import type { Clock, Lane, LanePool, PlannedCall, SchedulePorts } from "../orchestration/ports.ts";
import { createStop } from "../orchestration/stop.ts";
import { OPEN_SESSION } from "../resilience/open-session.ts";
import { classifyFailure, refused } from "../tools/call-outcome.ts";
import { writeChainOutput } from "../tools/chain-output.ts";
import { executeCall } from "../tools/execute-call.ts";
import type { OpenSecret } from "../tools/http-template.ts";
import { toolFinder } from "../tools/tool-box.ts";
import type { ToolPorts } from "../tools/tool-ports.ts";
import { sendRequest } from "../upstream/send.ts";
import { type DefinedTool, InvalidTool } from "./define-tool.ts";
import { type Limiter, limitedLanes } from "./limiter.ts";
import { runHandler } from "./run-handler.ts";

/** Tools of one run. */
export const MAX_TOOLS = 1_000;

/** What making calls needs of the world. Everything has a default. */
export interface CallPorts {
  /** The platform's when absent. */
  readonly clock?: Clock;
  /** Decides when a call may leave. Absent: at once. */
  readonly limiter?: Limiter;
  /** How requests of HTTP tools are sent. Absent: by `fetch`, through the gateway's egress rules. */
  readonly send?: ToolPorts["send"];
  /** The value of `{{secret.name}}` for one host, or null when there is none for it. Absent: there are none. */
  readonly secret?: OpenSecret;
  /** BCP 47 tag that HTTP tools are asked to answer in; `en` when absent. */
  readonly locale?: string;
  /** Told what handlers and limiters threw. */
  readonly onFault?: (fault: unknown) => void;
}

/** The tools as the run core sees them. Throws `InvalidTool` for a name that is there twice or a chain that cannot run. */
export class ToolSet {
  readonly tools: readonly Tool[];
  readonly find: FindTool;
  readonly #byName: ReadonlyMap<string, DefinedTool>;

  constructor(tools: readonly DefinedTool[]) {
    this.#byName = new Map(tools.map((tool) => [tool.name, tool]));
    this.tools = tools.map(({ name, definition }) => ({ name, version: 1, definition }));
    this.find = toolFinder(this.tools);
    if (tools.length > MAX_TOOLS)
      throw new InvalidTool(tools[MAX_TOOLS]?.name ?? "", [tooMany(tools.length)]);
    const definitions: RegisteredTools = new Map(
      tools.map(({ name, definition }) => [name, definition]),
    );
    for (const tool of tools) {
      if (this.#byName.get(tool.name) !== tool) throw new InvalidTool(tool.name, [TWICE]);
      const violations = checkChain(tool.name, tool.definition, definitions, this.find);
      if (violations.length > 0) throw new InvalidTool(tool.name, violations);
    }
  }

  /** Ports of a run whose calls end by `deadlineAtMs`; at most `slots` of them are under way at once. */
  ports(runId: string, slots: number, deadlineAtMs: number, world: WholeWorld): SchedulePorts {
    const { clock, limiter, onFault } = world;
    const numbers = new CallNumbers(runId, keysOf(runId));
    const bounds = { deadlineAtMs, isCancelled: false, now: () => clock.now() };
    const connections = this.#lanes(slots, world);
    const limited =
      limiter === undefined ? connections : limitedLanes(connections, limiter, clock, onFault);
    const keyed = journalCalls(limited, numbers, null, bounds);
    const maxUses = (tool: string) => this.#byName.get(tool)?.definition.max_uses ?? null;
    return {
      clock,
      lanes: shareCalls(limitCalls(keyed, numbers, maxUses)),
      inside: chainCalls(
        {
          find: this.find,
          chainOf: (name) => this.#byName.get(name)?.definition.chain ?? null,
          writeOutput: (name, value) => writeChainOutput(this.#byName.get(name)?.definition, value),
        },
        clock,
      ),
    };
  }

  #lanes(slots: number, world: WholeWorld): LanePool {
    const tools = new Map(this.tools.map((tool) => [tool.name, tool]));
    const lane: Lane = {
      slots,
      run: (call, timeoutMs, signal) => this.#run(call, { tools, world, timeoutMs, signal }),
    };
    return { lanes: () => [lane], close: () => undefined };
  }

  async #run(call: PlannedCall, making: Making) {
    const { tools, world, timeoutMs, signal } = making;
    const tool = this.#byName.get(call.tool);
    if (tool === undefined)
      return refused({ code: "unknown_tool", message: `There is no tool "${call.tool}".` });
    if (tool.handle !== null) return runHandler(tool, call, world, timeoutMs, signal);
    const ports: ToolPorts = {
      tools,
      locale: world.locale,
      traceparent: null,
      send: world.send,
      openSecret: world.secret,
      credentials: new Map(),
      cache: null,
      mcp: NO_SERVERS,
      upstreams: OPEN_SESSION,
      allowLoopback: tool.allowLoopback,
      now: () => world.clock.now(),
    };
    return onTime(call, world.clock, timeoutMs, signal, (callSignal) =>
      executeCall(ports, call, timeoutMs, callSignal),
    );
  }
}

/** The run's own clock keeps the call's time too, so that it holds in a test whose time stands still. */
async function onTime(
  call: PlannedCall,
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
  make: (signal: AbortSignal) => Promise<CallOutcome>,
): Promise<CallOutcome> {
  const stop = createStop(clock, clock.now() + timeoutMs, signal);
  const outcome = await make(stop.signal);
  const isLate = stop.reason() === "deadline" && outcome.error?.code === "cancelled";
  stop.release();
  return isLate
    ? { ...outcome, ...classifyFailure(call, { kind: "timeout", sent: true }) }
    : outcome;
}

/** The world with its defaults filled in. */
export type WholeWorld = Required<Omit<CallPorts, "limiter">> & Pick<CallPorts, "limiter">;

interface Making {
  readonly tools: ReadonlyMap<string, Tool>;
  readonly world: WholeWorld;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** `ports` with their defaults; `clock` is the platform's. */
export function wholeWorld(ports: CallPorts, clock: Clock): WholeWorld {
  return {
    send: sendRequest,
    secret: () => Promise.resolve(null),
    locale: "en",
    onFault: () => undefined,
    clock,
    ...given(ports),
  };
}

/** Idempotency keys of a run that is never resumed: they need to be unique, and no more than that. */
function keysOf(runId: string): (text: string) => Promise<string> {
  const keys = new Map<string, string>();
  return async (text) => {
    const key = keys.get(text) ?? `${runId}_${keys.size + 1}`;
    keys.set(text, key);
    return key;
  };
}

/** Only what was given: an option that is spelled out as undefined is absent. */
function given(ports: CallPorts): CallPorts {
  return Object.fromEntries(Object.entries(ports).filter(([, value]) => value !== undefined));
}

const TWICE: Violation = {
  pointer: "/name",
  message: "Another tool of this run has the same name.",
};

function tooMany(count: number): Violation {
  return { pointer: "", message: `A run takes at most ${MAX_TOOLS} tools, not ${count}.` };
}

/** No tool of the library's is one of an MCP server, so nothing of this is ever asked for. */
const NO_SERVERS: ToolPorts["mcp"] = {
  tenantId: "",
  servers: new Map(),
  call: () => Promise.reject(new Error("There are no MCP servers here.")),
  defer: () => undefined,
  onListChanged: () => undefined,
};
