/**
 * What a request is refused with: Prometheus' error types with the status codes of Prometheus 3.
 */
import { AssayError, messageOf } from '#core'

const STATUS = {
  bad_data: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  not_acceptable: 406,
  conflict: 409,
  too_large: 413,
  unsupported: 415,
  execution: 422,
  rate_limited: 429,
  canceled: 499,
  internal: 500,
  timeout: 503,
  unavailable: 503,
} as const
export type ErrorType = keyof typeof STATUS

/** A refusal with its place in the API: the message reaches the caller as it is, so it never holds a secret. */
export class ApiError extends AssayError {
  readonly type: ErrorType
  readonly status: number

  /** `status`: where Prometheus answers a type with another status than its usual one. */
  constructor(type: ErrorType, message: string, options?: ErrorOptions & { readonly status?: number }) {
    super(`ASSAY_API_${type.toUpperCase()}`, message, options)
    this.type = type
    this.status = options?.status ?? STATUS[type]
  }
}

/** `invalid parameter "step": cannot parse ...`, as Prometheus words it. */
export function invalidParam(name: string, message: string, cause?: unknown): ApiError {
  return new ApiError('bad_data', `invalid parameter "${name}": ${message}`, { cause })
}

/** The deadline of a request has passed. The reason its signal aborts with. */
export class DeadlineError extends Error {}
/** The caller has gone. The reason its signal aborts with. */
export class CallerGoneError extends Error {}

/** What a failed handler tells its caller. What is nobody's refusal is `internal`, and its text stays in the log. */
export function apiErrorOf(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown
  if (thrown instanceof DeadlineError)
    return new ApiError('timeout', 'query timed out in expression evaluation; ask for less, or raise --query.timeout')
  if (thrown instanceof CallerGoneError) return new ApiError('canceled', 'query was canceled in expression evaluation')
  if (!(thrown instanceof AssayError)) return fromHttp(thrown)
  if (thrown.code === 'ASSAY_PROMQL_PARSE' || thrown.code === 'ASSAY_REGEX')
    return invalidParam('query', thrown.message, thrown)
  if (thrown.code.startsWith('ASSAY_APPROVAL_')) return new ApiError('conflict', thrown.message, { cause: thrown })
  if (thrown.code === 'ASSAY_STORE_WRITE') return new ApiError('unavailable', thrown.message, { cause: thrown })
  if (thrown.code === 'ASSAY_ENGINE_TIMEOUT') return new ApiError('timeout', thrown.message, { cause: thrown })
  if (thrown.code === 'ASSAY_ENGINE_UNREACHABLE' || thrown.code === 'ASSAY_ENGINE_ANSWER')
    return new ApiError('unavailable', thrown.message, { cause: thrown })
  return new ApiError('execution', thrown.message, { cause: thrown })
}

/** Errors of the HTTP layer itself (a body too large, a form that is none) carry a status code of their own. */
function fromHttp(thrown: unknown): ApiError {
  const status = thrown instanceof Error && 'statusCode' in thrown ? thrown.statusCode : 500
  if (status === 413) return new ApiError('too_large', 'the body is larger than this path takes', { cause: thrown })
  if (status === 415) return new ApiError('unsupported', `${messageOf(thrown)}`, { cause: thrown })
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new ApiError('bad_data', messageOf(thrown), { cause: thrown })
  return new ApiError('internal', 'internal error; the log says more', { cause: thrown })
}
