import { DurableObject } from "cloudflare:workers";

export class RunJournal extends DurableObject<Env> {}
