/**
 * `npm run conformance [-- <base URL>]`: the suite of golden streams, against any OpenAI-compatible gateway.
 *
 *   (no URL)                     builds and starts our own gateway
 *   http://127.0.0.1:8787        a running one; its provider must be the address that is printed, with the key printed
 *     --key <key>                its key (or CONFORMANCE_KEY in the environment)
 *     --model <name>             the model's name there (golden-1)
 *     --upstream-port <port>     where the suite's provider listens (8791); its tool server is on the next port
 *   --portkey                    our own and Portkey's open-source gateway; writes docs/conformance.md
 *
 * Everything it starts is on loopback and stopped at the end. Exits 1 only when our own gateway keeps less than everything.
 */

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { revision } from "../bench/report.ts";
import { startGateway } from "../dev/gateway.ts";
import { bootstrapOperator } from "../dev/provision.ts";
import { startToolServer, type ToolServer } from "../dev/tool-server.ts";
import { GATEWAY_TOOL } from "./conformance/ability-checks.ts";
import type { Target } from "./conformance/check.ts";
import {
  GOLDEN_KEY,
  startGoldenUpstream,
  type GoldenUpstream,
} from "./conformance/golden-upstream.ts";
import { provisionOwn } from "./conformance/own-gateway.ts";
import { startPortkey } from "./conformance/portkey.ts";
import { runSuite, type Line } from "./conformance/run-suite.ts";
import { conformancePage, textTable, type Column } from "./conformance/table.ts";

const PAGE = "docs/conformance.md";

interface Behind {
  readonly upstream: GoldenUpstream;
  readonly tools: ToolServer;
}

async function testOwn({ upstream, tools }: Behind): Promise<Column> {
  const gateway = await startGateway();
  try {
    const { baseUrl, secrets } = gateway;
    const operatorKey = await bootstrapOperator(baseUrl, secrets.BOOTSTRAP_SECRET);
    const urls = { upstream: upstream.url, tools: tools.url };
    const target = await provisionOwn({ baseUrl, operatorKey }, urls);
    return tested(target, revision(), await runSuite({ target, upstream, tools }));
  } finally {
    await gateway.dispose();
  }
}

async function testPortkey({ upstream, tools }: Behind): Promise<Column> {
  const { target, version, stop } = await startPortkey(upstream.url);
  try {
    return tested(target, version, await runSuite({ target, upstream, tools }));
  } finally {
    await stop();
  }
}

function tested({ name }: Target, version: string, lines: readonly Line[]): Column {
  console.log(`\n${name} ${version}\n\n${textTable(lines)}\n`);
  return { name, version, lines };
}

function keepsAll({ lines }: Column): boolean {
  return lines.every(({ outcome }) => outcome.kind === "ok");
}

function bearer(key: string): Readonly<Record<string, string>> {
  return key === "" ? {} : { authorization: `Bearer ${key}` };
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      key: { type: "string", default: process.env["CONFORMANCE_KEY"] ?? "" },
      model: { type: "string", default: "golden-1" },
      "upstream-port": { type: "string", default: "8791" },
      portkey: { type: "boolean", default: false },
    },
  });
  const [baseUrl] = positionals;
  const port = baseUrl === undefined ? 0 : Number(values["upstream-port"]);
  const upstream = await startGoldenUpstream(port);
  const tools = await startToolServer({ port: port === 0 ? 0 : port + 1 });
  const behind = { upstream, tools };
  try {
    if (baseUrl === undefined) {
      const own = await testOwn(behind);
      if (values.portkey) {
        const columns = [own, await testPortkey(behind)];
        writeFileSync(PAGE, conformancePage(columns, new Date().toISOString().slice(0, 10)));
        console.log(`${PAGE} written`);
      }
      return keepsAll(own) ? 0 : 1;
    }
    console.log(
      `The gateway's provider: ${upstream.url}/v1, key ${GOLDEN_KEY}, given up after about a second of silence.\n` +
        `For the checks on tools: ${GATEWAY_TOOL}({mark, n, ms}) as GET ${tools.url}/sleep/{ms}?k={mark}&n={n}.`,
    );
    const target: Target = {
      name: "gateway",
      baseUrl: baseUrl.replace(/\/(v1\/?)?$/, ""),
      model: values.model,
      headers: () => bearer(values.key),
      wrongKey: () => bearer("wrong-key"),
    };
    tested(target, baseUrl, await runSuite({ target, ...behind }));
    return 0;
  } finally {
    await Promise.all([upstream.close(), tools.close()]);
  }
}

process.exit(await main());
