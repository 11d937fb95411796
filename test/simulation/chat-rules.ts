/** What must hold of a conversation over all its lives, looked up in its trace and in what it showed. */

import type { ToolActivity } from "../../src/contract/chat.ts";
import { isJsonArray, isJsonObject, type JsonObject } from "../../src/platform/canonical-json.ts";
import type { ChatLifeLog } from "./chat-life.ts";
import type { LivedChat } from "./live-chat.ts";
import { CHAT_TOOLS, type ChatWorld, drawScript, USES_OF_LIMITED } from "./chat-world.ts";
import type { Observed, Trace } from "./trace.ts";

type Sent = Extract<Observed, { kind: "sent" }>;

/** Checks everything. */
export function checkChat(world: ChatWorld, trace: Trace, lived: LivedChat): void {
  checkSent(world, trace, lived);
  checkWrites(world, trace);
  checkKept(trace, lived);
  for (const [index, life] of lived.lives.entries()) {
    checkShown(trace, life, index + 1);
    const isLast = index === lived.lives.length - 1;
    checkEnd(trace, life, isLast && lived.hasEnded);
    for (const body of life.asked) checkBody(trace, life, index + 1, body);
  }
}

/** A write is made only when its turn is kept: a turn that is asked again may make it again. */
function checkKept(trace: Trace, { lives }: LivedChat): void {
  for (const [index, { earlier }] of lives.slice(1).entries()) {
    const kept = new Set(earlier.flatMap((line) => (line.kind === "turn" ? [line.turn] : [])));
    for (const sent of trace.all("sent")) {
      const [turn, life] = numberOf(sent).split(".").map(Number);
      if (life !== index + 1 || sent.life !== life || !isWrite(sent.call.tool)) continue;
      const isKept = turn !== undefined && kept.has(turn);
      const what = (): string => `${numberOf(sent)}: its turn is forgotten`;
      trace.demand("a write is sent at most once", isKept, what);
    }
  }
}

/** The call's own number: `<turn>.<life>.<place>` of the script that makes it. */
function numberOf({ call }: Sent): string {
  return String(call.arguments["n"]);
}

function isWrite(tool: string): boolean {
  return CHAT_TOOLS[tool] === "write" || CHAT_TOOLS[tool] === "idempotent_write";
}

function checkSent({ earlyStart, guesses }: ChatWorld, trace: Trace, lived: LivedChat): void {
  const meant = new Set<string>();
  let isOver = false;
  let hasEnded = false;
  for (const each of trace.observed) {
    if (each.kind === "meant") meant.add(each.script);
    if (each.kind === "ended") hasEnded = true;
    if (each.kind === "cancelled") isOver = true;
    if (each.kind !== "sent") continue;
    const { call, atMs } = each;
    const n = numberOf(each);
    const isMeant = meant.has(n.slice(0, n.lastIndexOf(".")));
    const mayBeEarly = (earlyStart || guesses !== null) && !isWrite(call.tool);
    const who = (): string => `${call.tool} ${n} at ${atMs}`;
    trace.demand("nothing shows before it is committed", isMeant || mayBeEarly, who);
    trace.demand("nothing is sent after the deadline", atMs < lived.deadlineAtMs, who);
    trace.demand("what is cancelled is not sent and does not succeed", !isOver, who);
    trace.demand("nothing is open after the end", !hasEnded, who);
  }
}

function checkWrites(world: ChatWorld, trace: Trace): void {
  const sends = new Map<string, number>();
  for (const sent of trace.all("sent")) {
    const { call } = sent;
    if (CHAT_TOOLS[call.tool] !== "write") continue;
    const n = numberOf(sent);
    const made = (sends.get(n) ?? 0) + 1;
    sends.set(n, made);
    const [turn = 0, life = 0] = n.split(".").map(Number);
    const most = drawScript(world, turn, life).calls.filter(({ argumentsJson }) =>
      argumentsJson.includes(`"n":"${n}"`),
    ).length;
    trace.demand("a write is sent at most once", made <= most, () => `${n}, ${made} of ${most}`);
  }
}

const ENDS: ReadonlySet<ToolActivity["type"]> = new Set([
  "tool.result",
  "tool.error",
  "tool.cancelled",
]);

/** Nothing of a call before its turn is complete, and each call's steps once. */
function checkShown(trace: Trace, { said, earlier }: ChatLifeLog, life: number): void {
  const stored = new Set(earlier.flatMap((line) => (line.kind === "turn" ? [line.turn] : [])));
  const steps = new Set<string>();
  const ended = new Set<string>();
  for (const { event, after, turn } of said) {
    const isOfCall = event.type === "tool" || event.type.startsWith("gateway_call");
    if (!isOfCall) continue;
    const isMeant =
      stored.has(turn) ||
      trace.observed
        .slice(0, after)
        .some((each) => each.kind === "meant" && each.script === `${turn}.${life}`);
    const what = (): string => `${JSON.stringify(event)} in turn ${turn}`;
    trace.demand("nothing shows before it is committed", isMeant, what);
    const id = event.type === "tool" ? event.activity.call_id : "id" in event ? event.id : "";
    const type = event.type === "tool" ? event.activity.type : event.type;
    trace.demand("every call ends once", !steps.has(`${type} ${id}`), what);
    steps.add(`${type} ${id}`);
    if (event.type !== "tool" || !ENDS.has(event.activity.type)) continue;
    trace.demand("every call ends once", !ended.has(id), what);
    ended.add(id);
  }
  const isGone = trace.all("cancelled").some((cancel) => cancel.life === life);
  // Nothing more is said to a client that has gone.
  if (said.at(-1)?.event.type !== "finished" || isGone) return;
  for (const step of steps) {
    const [type = "", id = ""] = step.split(" ");
    const isOpen = type === "tool.started" && !ended.has(id);
    trace.demand("every call ends once", !isOpen, () => `${id} started and never ended`);
  }
}

function checkEnd(trace: Trace, { said }: ChatLifeLog, hasEnded: boolean): void {
  const ends = said.filter(({ event }) => event.type === "finished" || event.type === "failed");
  // A life may be lost when it has said its end and nobody could read it yet.
  const isRight = ends.length === 1 ? ends[0] === said.at(-1) : ends.length === 0 && !hasEnded;
  trace.demand("the run ends", isRight, () => `${ends.length} ends`);
}

interface MadeCall {
  readonly id: string;
  readonly name: string;
  readonly n: string;
}

/** What the model is asked with: one result for each call, in order, of exactly the call it made. */
function checkBody(trace: Trace, life: ChatLifeLog, lives: number, body: JsonObject): void {
  const messages = objects(body["messages"]);
  const before: MadeCall[] = [];
  for (const [place, message] of messages.entries()) {
    const made = objects(message["tool_calls"]).map(madeCall);
    if (made.length === 0) continue;
    const answers = messages.slice(place + 1, place + 1 + made.length);
    trace.demand(
      "results stand in the caller's order",
      made.every(({ id }, at) => answers[at]?.["tool_call_id"] === id),
      () => JSON.stringify(messages),
    );
    for (const [at, call] of made.entries()) {
      checkAnswer(trace, life, lives, call, before, String(answers[at]?.["content"]));
      before.push(call);
    }
  }
  trace.demand(
    "nothing shows before it is committed",
    !JSON.stringify(messages).includes('"guess"'),
    () => "a guess is in the conversation",
  );
}

function checkAnswer(
  trace: Trace,
  life: ChatLifeLog,
  lives: number,
  call: MadeCall,
  before: readonly MadeCall[],
  text: string,
): void {
  const parsed: unknown = JSON.parse(text);
  const whole = isJsonObject(parsed) ? parsed : {};
  const late = whole["output"];
  const content = late !== undefined && isJsonObject(late) ? late : whole;
  const sent = trace
    .all("sent")
    .filter((each) => numberOf(each) === call.n && each.call.tool === call.name)
    .filter((each) => each.life <= lives);
  const who = (): string => `${call.name} ${call.n}: ${text}`;
  const error = content["error"];
  if (error === undefined || !isJsonObject(error)) {
    const isOwn = sent.some(({ serial }) => serial === content["serial"]);
    trace.demand("nothing shows before it is committed", isOwn, who);
    checkLost(trace, life, call, content["serial"], sent, who);
    return;
  }
  const { status, code } = error;
  const answered = trace.all("answered").filter(({ serial }) => has(sent, serial));
  const isKnown = answered.some((answer) => answer.status === status);
  const isWriteSent = CHAT_TOOLS[call.name] === "write" && sent.length === 1;
  trace.demand(
    "a write that may have happened says so",
    !isWriteSent || status === "outcome_unknown" || isKnown,
    who,
  );
  const uses = before.filter(({ name }) => name === "limited").length;
  trace.demand(
    "nothing shows before it is committed",
    code !== "use_limit" || uses >= USES_OF_LIMITED,
    who,
  );
}

/** A result that was stored is what every later life shows of that call. */
function checkLost(
  trace: Trace,
  { earlier }: ChatLifeLog,
  { n }: MadeCall,
  serial: unknown,
  sent: readonly Sent[],
  who: () => string,
): void {
  const stored = earlier.flatMap((line) => {
    if (line.kind !== "call" || line.outcome?.outputJson === undefined) return [];
    const output: { serial: number } = JSON.parse(line.outcome.outputJson);
    return has(sent, output.serial) ? [output.serial] : [];
  });
  const isKept = stored.length === 0 || stored.some((each) => each === serial);
  // Two requests in one life: the model made it twice, or it was guessed again in a later turn.
  const lives = sent.map((each) => each.life);
  const hasTwin = lives.some((each, at) => lives.indexOf(each) !== at);
  trace.demand("a finished result is never lost", isKept || hasTwin, () => `${n} ${who()}`);
}

function has(sent: readonly Sent[], serial: number): boolean {
  return sent.some((each) => each.serial === serial);
}

function madeCall(call: JsonObject): MadeCall {
  const made = call["function"];
  const { name, arguments: text } = made !== undefined && isJsonObject(made) ? made : {};
  return {
    id: String(call["id"]),
    name: String(name),
    n: /"n":"([^"]*)"/.exec(String(text))?.[1] ?? "",
  };
}

function objects(list: JsonObject[string] | undefined): readonly JsonObject[] {
  return list !== undefined && isJsonArray(list) ? list.filter(isJsonObject) : [];
}
