/** Labels of Redis' commands, without a text being made per command. All are bounded: `call('ANYTHING')` is the application's to write. */
import { errorType } from './error-type.ts'

const MAX_NAMES = 300
const names = new Map<string, string>()

/** `GET`, whatever its spelling; `OTHER` for what is no command's name, and beyond MAX_NAMES of them. */
export function commandName(given: unknown): string {
  if (typeof given !== 'string') return 'OTHER'
  const known = names.get(given)
  if (known !== undefined) return known
  const name = given.toUpperCase()
  if (names.size >= MAX_NAMES || !/^[A-Z][A-Z0-9._-]{0,39}$/.test(name)) return 'OTHER'
  names.set(given, name)
  return name
}

const databases = Array.from({ length: 16 }, (_, i) => String(i))

export function databaseName(given: unknown): string {
  const index = typeof given === 'number' ? given : Number(given ?? 0)
  return databases[index] ?? (Number.isSafeInteger(index) && index >= 0 ? String(index) : '')
}

/** The server's own word at the beginning of its message (`WRONGTYPE`, `ERR`), else as any other error. */
export function replyErrorType(error: unknown): string {
  const type = errorType(error)
  if (!/^(?:ReplyError|Error|ErrorReply|SimpleError|BlobError)$/.test(type)) return type
  const message: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'message') : undefined
  return /^([A-Z]{2,30}) /.exec(typeof message === 'string' ? message.slice(0, 40) : '')?.[1] ?? type
}
