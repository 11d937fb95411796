/** A real model provider, when `.dev.vars` names one. */

import { readFile } from "node:fs/promises";
import { parseEnv } from "node:util";

/** Where OpenAI's own API is. */
const OPENAI = "https://api.openai.com/v1";

/** Base URL and key from `OPENAI_BASE_URL` and `OPENAI_API_KEY` in a file; null when neither is there. */
export async function providerIn(
  path: string,
): Promise<{ baseUrl: string; apiKey?: string } | null> {
  const vars = parseEnv(await readFile(path, "utf8").catch(() => ""));
  const baseUrl = vars["OPENAI_BASE_URL"] ?? "";
  const apiKey = vars["OPENAI_API_KEY"] ?? "";
  if (baseUrl === "" && apiKey === "") return null;
  return { baseUrl: baseUrl === "" ? OPENAI : baseUrl, ...(apiKey === "" ? {} : { apiKey }) };
}
