/**
 * The whole local world: scripted model, sample tools and gateway, with the tenant `demo` ready. What `npm start` and
 * `npm run demo` share. When one part fails to start, those already running are stopped.
 */

import { startGateway, type GatewayLog } from "./gateway.ts";
import { randomSecrets, type GatewaySecrets } from "./gateway/secrets.ts";
import { startModelServer } from "./model-server.ts";
import { provisionDemo, type DemoAccess } from "./provision.ts";
import { startToolServer } from "./tool-server.ts";

/** How fast the stand-in speaks, in tokens a second, and how long it thinks first. */
const PACE = { tokensPerSecond: 90, timeToFirstTokenMs: 180 };

/** How long the sample tools take, in milliseconds, as real ones would. */
const LATENCY = {
  "/weather": 430,
  "/events": 780,
  "/restaurants": 610,
  "/currency": 260,
  "/search": 520,
  "/analyze-code": 350,
};

/** How to start the world. */
export interface WorldOptions {
  readonly port?: number;
  readonly persistTo?: string;
  readonly secrets?: GatewaySecrets;
  readonly known?: DemoAccess | null;
  /** A real provider instead of the scripted model. */
  readonly provider?: { readonly baseUrl: string; readonly apiKey?: string } | null;
  readonly onLog?: (line: GatewayLog) => void;
}

/** The running world. */
export interface World extends DemoAccess {
  readonly baseUrl: string;
  readonly adminUrl: string;
  readonly modelBaseUrl: string;
  readonly toolsBaseUrl: string;
  readonly close: () => Promise<void>;
}

/** Starts everything on loopback. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const closing: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(closing.splice(0).map((one) => one()));
  };
  try {
    const [model, tools] = await Promise.all([
      startModelServer(PACE),
      startToolServer({ latencyByPath: LATENCY }),
    ]);
    closing.push(model.close, tools.close);
    const secrets = options.secrets ?? randomSecrets();
    const gateway = await startGateway({
      secrets,
      ...(options.port === undefined ? {} : { port: options.port }),
      ...(options.persistTo === undefined ? {} : { persistTo: options.persistTo }),
      ...(options.onLog === undefined ? {} : { onLog: options.onLog }),
    });
    closing.push(gateway.dispose);
    const provider = options.provider ?? null;
    const modelBaseUrl = provider?.baseUrl ?? `${model.url}/v1`;
    const access = await provisionDemo(
      gateway.baseUrl,
      secrets.BOOTSTRAP_SECRET,
      {
        modelBaseUrl,
        toolsBaseUrl: tools.url,
        ...(provider?.apiKey === undefined ? {} : { modelApiKey: provider.apiKey }),
      },
      options.known ?? null,
    );
    const { baseUrl, adminUrl } = gateway;
    return { ...access, baseUrl, adminUrl, modelBaseUrl, toolsBaseUrl: tools.url, close };
  } catch (error) {
    await close();
    throw error;
  }
}
