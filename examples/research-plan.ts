/**
 * Research and summary as one plan. The model searches for every subject and, in the same reply, for what those searches
 * will find: the later calls refer to the results of the earlier ones with `{"$ref": "found_0#/results/0/title"}`. The
 * gateway runs the plan as a dataflow, so the model is asked twice in all, however long the plan is.
 *
 *     node examples/research-plan.ts "Museums of Paris" "French dining"
 */

import OpenAI from "openai";

import { access } from "./access.ts";

const { baseUrl, apiKey } = await access();
const client = new OpenAI({ baseURL: `${baseUrl}/v1`, apiKey });

const given = process.argv.slice(2);
const subjects =
  given.length > 0 ? given : ["Museums of Paris", "French dining", "Berlin in winter"];
const quoted = subjects.map((subject) => `"${subject}"`).join(", ");

const answer: OpenAI.ChatCompletion & { x_gw?: { turns: number; calls: number } } =
  await client.chat.completions.create({
    model: "scripted-1",
    messages: [{ role: "user", content: `Research ${quoted} and sum up what you find.` }],
  });
process.stdout.write(`${answer.choices[0]?.message.content ?? ""}\n`);
process.stdout.write(`${answer.x_gw?.turns} model turns, ${answer.x_gw?.calls} tool calls\n`);
