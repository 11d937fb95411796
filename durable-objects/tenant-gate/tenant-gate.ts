import { DurableObject } from "cloudflare:workers";

export class TenantGate extends DurableObject<Env> {}
