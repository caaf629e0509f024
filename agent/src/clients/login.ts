/**
 * Which requests try an account, and which account: a route that looks like signing in or resetting a password, and the field of the
 * parsed body that names somebody. The body is what the framework has parsed; the stream is never touched, passwords are never read.
 */
const LOOKS_LIKE_LOGIN =
  /(?:^|[/_.-])(?:log-?in|log-?on|sign-?in|sign-?up|register|auth(?:enticate|orize)?|sessions?|tokens?|otp|2fa|mfa|verify|password|(?:forgot|reset)(?:-?password)?)(?:[/_.-]|$)/i
/** In this order: the first that is a text names the account. */
const FIELDS = [
  'username',
  'login',
  'email',
  'account',
  'user',
  'userName',
  'user_name',
  'identifier',
  'phone',
  'mail',
  'j_username',
] as const
const MAX_ACCOUNT = 128
const MAX_ROUTES = 4_096

export class Logins {
  /** Undefined: what looks like it. */
  readonly #routes: ReadonlySet<string> | undefined
  readonly #known = new Map<string, boolean>()

  constructor(routes: readonly string[] | undefined) {
    this.#routes = routes === undefined ? undefined : new Set(routes)
  }

  isLogin(route: string): boolean {
    if (this.#routes !== undefined) return this.#routes.has(route)
    const known = this.#known.get(route)
    if (known !== undefined) return known
    const is = LOOKS_LIKE_LOGIN.test(route)
    if (this.#known.size < MAX_ROUTES) this.#known.set(route, is)
    return is
  }
}

/** The account that a body names, or ''. Getters of the application may throw; whoever calls catches. */
export function accountOf(body: unknown): string {
  if (typeof body !== 'object' || body === null) return ''
  for (const field of FIELDS) {
    const value = (body as Record<string, unknown>)[field]
    if (typeof value === 'string' && value !== '') return value.slice(0, MAX_ACCOUNT).trim().toLowerCase()
    if (typeof value === 'number') return String(value)
  }
  return ''
}

/** The body as the framework has parsed it: Express and Fastify on the request, Koa on `ctx.request`. */
export function parsedBody(request: unknown, framework: unknown): unknown {
  const { body, request: inner } = (framework ?? request) as { body?: unknown; request?: { body?: unknown } }
  return body ?? inner?.body
}
