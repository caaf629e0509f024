/**
 * YAML from outside, checked against a schema, with every complaint at its line.
 */
import { type Document, isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml'
import type { z } from 'zod'
import { AssayError, editDistance, messageOf, withSources } from '#core'

const MAX_COMPLAINTS = 5
/** Claims of a signed token: whatever their server wants, null too. */
const FREE = 'claims'

/** The value of a document. Throws `code` with `file:line:column: path: what is wrong`, the first five complaints. */
export function parseYaml<Schema extends z.ZodType>(
  text: string,
  file: string,
  schema: Schema,
  code: `ASSAY_${string}`,
): z.output<Schema> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, merge: true })
  const place = (offset: number | undefined) => {
    if (offset === undefined) return file
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  const [syntax] = document.errors
  if (syntax !== undefined) throw new AssayError(code, `${place(syntax.pos[0])}: ${syntax.message}`)
  const result = schema.safeParse(contentOf(document, file, code) ?? {})
  if (result.success) return result.data
  const complaints = result.error.issues.slice(0, MAX_COMPLAINTS).map((issue) => {
    const path = issue.path.map(String)
    const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined
    const offset = offsetOf(document.contents, unknown === undefined ? path : [...path, unknown])
    const what =
      unknown === undefined
        ? issue.message
        : `${JSON.stringify(unknown)} is not known here; ${instead(schema, path, unknown)}`
    return `${place(offset)}: ${path.length === 0 ? '' : `${path.join('.')}: `}${what}`
  })
  throw new AssayError(code, complaints.join('\n'))
}

function contentOf(document: Document.Parsed, file: string, code: `ASSAY_${string}`): unknown {
  try {
    return withSources(document, FREE)
  } catch (cause) {
    throw new AssayError(code, `${file}: ${messageOf(cause)}; write out what its aliases (*name) stand for`, { cause })
  }
}

/** Where a path stands in the text; the nearest thing around it when it is missing. */
function offsetOf(root: unknown, path: readonly string[]): number | undefined {
  let node = root as Node | null
  let offset = node?.range?.[0]
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step)
      if (pair === undefined) break
      offset = (pair.key as Node).range?.[0] ?? offset
      node = pair.value as Node | null
    } else {
      const child = (node as { get?: (key: number, keep: boolean) => unknown } | null)?.get?.(Number(step), true)
      if (child === undefined) break
      node = child as Node
      offset = node.range?.[0] ?? offset
    }
  }
  return offset
}

/** How many letters a name may differ to be taken for a slip. */
const SLIP = 3

function instead(schema: z.ZodType, path: readonly string[], unknown: string): string {
  const known = keysAt(schema, path)
  const nearest = known.toSorted((a, b) => editDistance(a, unknown) - editDistance(b, unknown))[0]
  if (nearest === undefined) return 'remove it, or write one of the names of the reference'
  return editDistance(nearest, unknown) <= SLIP
    ? `write ${nearest}`
    : `remove it, or write one of ${known.slice(0, 12).join(', ')}${known.length > 12 ? ', ...' : ''}`
}

/** The keys that a schema takes at a path; none where it cannot be told. */
function keysAt(schema: z.ZodType, path: readonly string[]): readonly string[] {
  let at: unknown = unwrapped(schema)
  for (const step of path) at = unwrapped(childOf(at, step))
  const shape = definition(at)?.shape
  return shape === undefined ? [] : Object.keys(shape)
}

type Definition = {
  readonly shape?: Readonly<Record<string, unknown>>
  readonly element?: unknown
  readonly valueType?: unknown
  readonly innerType?: unknown
  readonly in?: unknown
}

function definition(schema: unknown): Definition | undefined {
  return (schema as { readonly _zod?: { readonly def: Definition } } | undefined)?._zod?.def
}

function childOf(schema: unknown, step: string): unknown {
  const { shape, element, valueType } = definition(schema) ?? {}
  return shape?.[step] ?? element ?? valueType
}

/** What stands behind `optional`, `default`, `transform` and the like. */
function unwrapped(schema: unknown): unknown {
  let at = schema
  for (;;) {
    const { innerType, in: input } = definition(at) ?? {}
    const inner = innerType ?? input
    if (inner === undefined) return at
    at = inner
  }
}
