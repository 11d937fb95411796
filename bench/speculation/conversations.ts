/** BFCL multi_turn_base as conversations: what the user says in each turn and the calls that answer it, one after another. */

import { existsSync, readdirSync, readFileSync } from "node:fs";

import { isObject, listOf, objectOf, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { readCall, type WrittenCall } from "./python-call.ts";

const DATA = new URL("../../../shared/data/bfcl/", import.meta.url);

/** One turn of a conversation. */
export interface GoldTurn {
  readonly said: string;
  readonly calls: readonly WrittenCall[];
}

/** A tool of the data set. */
export interface DatasetTool {
  readonly name: string;
  readonly description: string;
  /** It only looks: nothing is different after it. */
  readonly isReading: boolean;
}

/** What one user and the model said, and the tools the model had. */
export interface Conversation {
  readonly turns: readonly GoldTurn[];
  readonly offered: readonly string[];
}

/** Everything there is, or null when the data is not there. */
export interface Conversations {
  readonly tools: readonly DatasetTool[];
  readonly conversations: readonly Conversation[];
}

/** Names of the tools that only look, by what the data set says of them. */
const READING =
  /^(ls|cat|grep|find|tail|diff|wc|sort|du|pwd|get_|list_|check_|display|estimate_|view_|verify_|search_|compute_|retrieve_|gallon_|liter_|add$|subtract|multiply|divide|mean|standard_deviation|logarithm|round_|max_|min_|sum_|percentage|power|square_root|absolute_value|imperial_|si_|find_|trading_get)/;

/** Where the data set describes the tools of each of its classes. */
const CLASS_FILES: Readonly<Record<string, string>> = {
  GorillaFileSystem: "gorilla_file_system",
  MathAPI: "math_api",
  MessageAPI: "message_api",
  TicketAPI: "ticket_api",
  TradingBot: "trading_bot",
  TravelAPI: "travel_booking",
  TwitterAPI: "posting_api",
  VehicleControlAPI: "vehicle_control",
};

/** Reads the data set. */
export function readConversations(): Conversations | null {
  if (!existsSync(new URL("multi_turn_base.jsonl", DATA))) return null;
  const classes = new Map(
    readdirSync(new URL("multi_turn_func_doc/", DATA)).map((file) => [
      file.replace(".json", ""),
      readLines(`multi_turn_func_doc/${file}`),
    ]),
  );
  const docs = [...classes.values()].flat();
  const parameters = new Map(
    docs.map((doc): [string, readonly string[]] => [
      textOf(doc, "name") ?? "",
      Object.keys(objectOf(objectOf(doc, "parameters"), "properties")),
    ]),
  );
  const answers = readLines("multi_turn_base.answers.jsonl");
  const conversations = readLines("multi_turn_base.jsonl").map((question, index) => {
    const truths = listOf(answers[index] ?? {}, "ground_truth");
    const turns = listOf(question, "question").map((turn, at): GoldTurn => {
      const messages = Array.isArray(turn) ? turn.filter(isObject) : [];
      const written = truths[at];
      const calls = (Array.isArray(written) ? written : []).map((call) =>
        readCall(String(call), parameters),
      );
      return { said: messages.map((each) => textOf(each, "content") ?? "").join("\n"), calls };
    });
    const involved = listOf(question, "involved_classes").flatMap(
      (name) => classes.get(CLASS_FILES[String(name)] ?? "") ?? [],
    );
    return { turns, offered: involved.map((doc) => textOf(doc, "name") ?? "") };
  });
  const tools = docs.map((doc) => {
    const name = textOf(doc, "name") ?? "";
    const description = (textOf(doc, "description") ?? name).slice(0, 200);
    return { name, description, isReading: READING.test(name) };
  });
  return { tools, conversations };
}

function readLines(file: string): readonly UnknownObject[] {
  const lines = readFileSync(new URL(file, DATA), "utf8").split("\n");
  return lines.flatMap((line) => {
    const value: unknown = line === "" ? null : JSON.parse(line);
    return isObject(value) ? [value] : [];
  });
}
