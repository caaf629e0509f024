/**
 * Runs a parsed template against one alert.
 *
 * - A fault at run time becomes the text that Prometheus shows, and the alert goes on.
 * - Bounded: nested templates go `MAX_DEPTH` deep, and what is written stops at `MAX_LENGTH` characters.
 */
import { messageOf } from '#core'
import { FUNCTIONS, type FunctionDeps, isTrue, printed, type Value, type ValueMap } from './functions.ts'
import { type Command, type Node, type Operand, type Pipe, parseTemplate, type Template, type Term } from './parse.ts'

const MAX_DEPTH = 50
const MAX_LENGTH = 65_536

export type TemplateData = {
  readonly labels: ValueMap
  readonly externalLabels: ValueMap
  readonly value: number
}

const NAMES: ReadonlySet<string> = new Set(Object.keys(FUNCTIONS))

/** Throws `ASSAY_RULES_TEMPLATE`. */
export function compileTemplate(source: string): Template {
  return parseTemplate(source, NAMES)
}

/** The text for one alert; never rejects. */
export async function expand(template: Template, data: TemplateData, deps: FunctionDeps): Promise<string> {
  const only = template.nodes[0]
  if (template.nodes.length === 1 && only?.kind === 'text') return only.text // most labels have no action in them
  try {
    const root: ValueMap = new Map<string, Value>([
      ['Labels', data.labels],
      ['ExternalLabels', data.externalLabels],
      ['ExternalURL', deps.externalUrl],
      ['Value', data.value],
    ])
    const run = new Run(template, deps)
    await run.nodes(
      template.nodes,
      root,
      new Map<string, Value>([
        ['$', root],
        ['$labels', data.labels],
        ['$externalLabels', data.externalLabels],
        ['$externalURL', deps.externalUrl],
        ['$value', data.value],
      ]),
      0,
    )
    return run.out
  } catch (error) {
    return `<error expanding template: ${messageOf(error)}>`
  }
}

type Scope = Map<string, Value>
type Flow = 'on' | 'break' | 'continue'

class Run {
  out = ''
  readonly #template: Template
  readonly #deps: FunctionDeps

  constructor(template: Template, deps: FunctionDeps) {
    this.#template = template
    this.#deps = deps
  }

  async nodes(nodes: readonly Node[], dot: Value, scope: Scope, depth: number): Promise<Flow> {
    if (depth > MAX_DEPTH) throw new RangeError(`exceeded maximum template depth (${MAX_DEPTH})`)
    for (const node of nodes) {
      const flow = await this.#node(node, dot, scope, depth)
      if (flow !== 'on') return flow
    }
    return 'on'
  }

  async #node(node: Node, dot: Value, scope: Scope, depth: number): Promise<Flow> {
    switch (node.kind) {
      case 'text':
        this.#write(node.text)
        return 'on'
      case 'print': {
        const value = await this.#pipe(node.pipe, dot, scope)
        if (node.pipe.declares.length === 0) this.#write(printed(value))
        return 'on'
      }
      case 'if':
      case 'with': {
        const inner: Scope = new Map(scope)
        const value = await this.#pipe(node.pipe, dot, inner)
        const taken = isTrue(value)
        const flow = await this.nodes(
          taken ? node.body : node.otherwise,
          taken && node.kind === 'with' ? value : dot,
          inner,
          depth + 1,
        )
        keep(scope, inner, node.pipe)
        return flow
      }
      case 'range':
        return this.#range(node, dot, scope, depth)
      case 'call': {
        const body = this.#template.defined.get(node.name)
        if (body === undefined) throw new ReferenceError(`template ${JSON.stringify(node.name)} not defined`)
        const given = node.pipe === undefined ? undefined : await this.#pipe(node.pipe, dot, scope)
        return this.nodes(body, given, new Map([['$', given]]), depth + 1)
      }
      case 'break':
      case 'continue':
        return node.kind
      default:
        return node satisfies never
    }
  }

  async #range(node: Node & { kind: 'if' | 'range' | 'with' }, dot: Value, scope: Scope, depth: number): Promise<Flow> {
    const inner: Scope = new Map(scope)
    const value = await this.#pipe({ ...node.pipe, declares: [] }, dot, inner)
    const entries: (readonly [Value, Value])[] =
      value instanceof Map
        ? [...value].sort(([a], [b]) => (a < b ? -1 : 1))
        : Array.isArray(value)
          ? value.map((one: Value, i) => [BigInt(i), one] as const)
          : value === undefined
            ? []
            : raise(`range can't iterate over ${printed(value)}`)
    const { declares } = node.pipe
    for (const [key, element] of entries) {
      if (declares.length === 2) inner.set(declares[0]!, key)
      if (declares.length > 0) inner.set(declares.at(-1)!, element)
      const flow = await this.nodes(node.body, element, inner, depth + 1)
      if (flow === 'break') break
    }
    if (entries.length === 0) await this.nodes(node.otherwise, dot, inner, depth + 1)
    keep(scope, inner, node.pipe)
    return 'on'
  }

  async #pipe(pipe: Pipe, dot: Value, scope: Scope): Promise<Value> {
    let value: Value
    for (const [i, command] of pipe.commands.entries()) {
      value = await this.#command(command, dot, scope, i > 0 ? [value] : [])
    }
    for (const name of pipe.declares) scope.set(name, value)
    return value
  }

  async #command(command: Command, dot: Value, scope: Scope, piped: readonly Value[]): Promise<Value> {
    const [head, ...rest] = command
    if (head === undefined) throw new TypeError('BUG: an empty command')
    if (head.operand.kind !== 'function') return this.#term(head, dot, scope)
    const name = head.operand.name
    const args: Value[] = []
    for (const term of rest) {
      const value = await this.#term(term, dot, scope)
      // Go stops at the first operand that decides.
      if ((name === 'and' && !isTrue(value)) || (name === 'or' && isTrue(value))) return value
      args.push(value)
    }
    const result = await FUNCTIONS[name]!([...args, ...piped], this.#deps)
    return fieldsOf(result, head.fields)
  }

  async #term({ operand, fields }: Term, dot: Value, scope: Scope): Promise<Value> {
    return fieldsOf(await this.#operand(operand, dot, scope), fields)
  }

  #operand(operand: Operand, dot: Value, scope: Scope): Value | Promise<Value> {
    switch (operand.kind) {
      case 'literal':
        return operand.value
      case 'dot':
        return dot
      case 'variable':
        return scope.get(operand.name)
      case 'function':
        return FUNCTIONS[operand.name]!([], this.#deps)
      case 'pipe':
        return this.#pipe(operand.pipe, dot, scope)
      default:
        return operand satisfies never
    }
  }

  #write(text: string): void {
    this.out += text
    if (this.out.length > MAX_LENGTH) throw new RangeError(`more than ${MAX_LENGTH} characters`)
  }
}

function fieldsOf(value: Value, fields: readonly string[]): Value {
  return fields.reduce<Value>((inner, field) => {
    // A missing label prints as empty, as Prometheus has it.
    if (inner instanceof Map) return inner.get(field) ?? ''
    if (typeof inner === 'object' && 'Value' in inner) {
      if (field === 'Value') return inner.Value
      if (field === 'Labels') return inner.Labels
    }
    return raise(`can't evaluate field ${field} in ${printed(inner)}`)
  }, value)
}

/** Assignments made inside reach the variables outside; declarations do not. */
function keep(outer: Scope, inner: Scope, pipe: Pipe): void {
  for (const name of outer.keys()) if (!pipe.declares.includes(name)) outer.set(name, inner.get(name))
}

function raise(message: string): never {
  throw new TypeError(message)
}
