/**
 * An ordinary OpenAI program. Only the base URL is the gateway's, and yet tools run: the model asks for the tenant's tools,
 * the gateway runs them in parallel, and one answer streams back.
 *
 *     node examples/chat.ts "Weather in Berlin and New York?"
 */

import OpenAI from "openai";

import { access } from "./access.ts";

const { baseUrl, apiKey } = await access();
const client = new OpenAI({ baseURL: `${baseUrl}/v1`, apiKey });

const stream = await client.chat.completions.create({
  model: "scripted-1",
  messages: [
    { role: "user", content: process.argv[2] ?? "How is the weather in Berlin and New York?" },
  ],
  stream: true,
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? "");
}
process.stdout.write("\n");
