import { DurableObject } from "cloudflare:workers";

export class ToolShard extends DurableObject<Env> {}
