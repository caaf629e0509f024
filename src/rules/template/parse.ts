/**
 * Go's text/template, as far as alerts use it: text with actions in `{{ }}` becomes a tree.
 *
 * - Taken: comments, trimming, pipelines, variables, `if`, `range`, `with`, `else`, `define`, `template`, `block`,
 *   `break`, `continue`.
 * - Unknown functions and broken actions are refused here, so that a file is refused when it is loaded.
 */
import { AssayError } from '#core'

export type Operand =
  | { readonly kind: 'literal'; readonly value: string | number | bigint | boolean | undefined }
  | { readonly kind: 'dot' }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'pipe'; readonly pipe: Pipe }
/** An operand with the fields taken of it: `$labels.job`, `(query "x").Value`. */
export type Term = { readonly operand: Operand; readonly fields: readonly string[] }
/** A call when the first term is a function: `humanize $value`. */
export type Command = readonly Term[]
export type Pipe = {
  readonly declares: readonly string[]
  /** `:=` makes variables, `=` sets those that are there. */
  readonly assigns: boolean
  readonly commands: readonly Command[]
}
export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly pipe: Pipe }
  | {
      readonly kind: 'if' | 'range' | 'with'
      readonly pipe: Pipe
      readonly body: readonly Node[]
      readonly otherwise: readonly Node[]
    }
  | { readonly kind: 'call'; readonly name: string; readonly pipe: Pipe | undefined }
  | { readonly kind: 'break' | 'continue' }
export type Template = {
  readonly nodes: readonly Node[]
  readonly defined: ReadonlyMap<string, readonly Node[]>
}

type Token = { readonly kind: 'word' | 'variable' | 'field' | 'string' | 'number' | 'sign'; readonly text: string }
type Piece = { readonly text: string } | { readonly tokens: readonly Token[]; readonly source: string }

/** Throws `ASSAY_RULES_TEMPLATE`, naming the action. `functions`: the names that may be called. */
export function parseTemplate(source: string, functions: ReadonlySet<string>): Template {
  const parser = new Parser(split(source), functions)
  return { nodes: parser.template(), defined: parser.defined }
}

function refuse(what: string, action: string): never {
  throw new AssayError('ASSAY_RULES_TEMPLATE', action === '' ? what : `${what} in {{ ${action} }}`)
}

/** Cuts text and actions apart, with `{{-` and `-}}` applied and comments dropped. */
function split(source: string): readonly Piece[] {
  const pieces: Piece[] = []
  let rest = source
  let trim = false
  for (;;) {
    const open = rest.indexOf('{{')
    let text = open < 0 ? rest : rest.slice(0, open)
    if (trim) text = text.trimStart()
    if (open < 0) {
      if (text !== '') pieces.push({ text })
      return pieces
    }
    rest = rest.slice(open + 2)
    const leading = /^-\s/.test(rest)
    if (leading) {
      rest = rest.slice(1)
      text = text.trimEnd()
    }
    if (text !== '') pieces.push({ text })
    const comment = /^\s*\/\*[\s\S]*?\*\/\s*?(\s-)?\}\}/.exec(rest)
    if (comment !== null) {
      rest = rest.slice(comment[0].length)
      trim = comment[1] !== undefined
      continue
    }
    const { tokens, length } = lex(rest)
    const action = rest.slice(0, length)
    trim = /\s-$/.test(action)
    pieces.push({ tokens, source: action.replace(/\s-$/, '').trim() })
    rest = rest.slice(length + 2)
  }
}

const TOKEN =
  /\s*(?:(-?\}\})|("(?:[^"\\\n]|\\.)*")|(`[^`]*`)|([+-]?(?:0[xX][0-9a-fA-F]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))|(\$\w*)|(\.\w+)|([a-zA-Z_]\w*)|(:=|[=|(),.]))/y

/** The tokens up to the closing braces, and where these begin. */
function lex(text: string): { readonly tokens: readonly Token[]; readonly length: number } {
  const tokens: Token[] = []
  for (let at = 0; ; ) {
    TOKEN.lastIndex = at
    const found = TOKEN.exec(text)
    if (found === null) refuse(`unexpected ${JSON.stringify(text.slice(at).trimStart().slice(0, 12))}`, '')
    const [all, close, quoted, raw, number, variable, field, word, sign] = found
    at += all.length
    if (close !== undefined) return { tokens, length: at - 2 }
    if (quoted !== undefined) tokens.push({ kind: 'string', text: unquote(quoted) })
    else if (raw !== undefined) tokens.push({ kind: 'string', text: raw.slice(1, -1) })
    else if (number !== undefined) tokens.push({ kind: 'number', text: number })
    else if (variable !== undefined) tokens.push({ kind: 'variable', text: variable })
    else if (field !== undefined) {
      // `.x` after a blank is a field of the dot, `$v.x` and `).x` take it of what stands before.
      const attached = /\S/.test(text[at - all.length - 1] ?? ' ') && !/^\s/.test(all)
      const before = tokens.at(-1)
      const joins = attached && before !== undefined && (/variable|field/.test(before.kind) || before.text === ')')
      if (!joins) tokens.push({ kind: 'sign', text: '.' })
      tokens.push({ kind: 'field', text: field.slice(1) })
    } else if (word !== undefined) tokens.push({ kind: 'word', text: word })
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign })
  }
}

function unquote(quoted: string): string {
  const simple: Readonly<Record<string, string>> = {
    n: '\n',
    t: '\t',
    r: '\r',
    '\\': '\\',
    '"': '"',
    "'": "'",
    a: '\x07',
  }
  return quoted
    .slice(1, -1)
    .replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)/g, (all, code: string) =>
      code.length > 1 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (simple[code] ?? all),
    )
}

const EMPTY_PIPE: Pipe = { declares: [], assigns: false, commands: [] }

class Parser {
  readonly defined = new Map<string, readonly Node[]>()
  readonly #pieces: readonly Piece[]
  readonly #functions: ReadonlySet<string>
  #piece = 0
  #tokens: readonly Token[] = []
  #token = 0
  #source = ''

  constructor(pieces: readonly Piece[], functions: ReadonlySet<string>) {
    this.#pieces = pieces
    this.#functions = functions
  }

  template(): readonly Node[] {
    const { nodes, ended } = this.#body(['$', '$value', '$labels', '$externalLabels', '$externalURL'], false)
    if (ended !== undefined) refuse(`unexpected ${ended}`, this.#source)
    return nodes
  }

  /** Nodes up to `end` or `else`; the action that ended them is still open. */
  #body(scope: readonly string[], inRange: boolean): { nodes: readonly Node[]; ended: 'end' | 'else' | undefined } {
    const nodes: Node[] = []
    const known = [...scope]
    while (this.#piece < this.#pieces.length) {
      const piece = this.#pieces[this.#piece++]!
      if ('text' in piece) {
        nodes.push({ kind: 'text', text: piece.text })
        continue
      }
      this.#tokens = piece.tokens
      this.#source = piece.source
      this.#token = 0
      const word = this.#peek()?.kind === 'word' ? this.#peek()!.text : ''
      if (word === 'end' || word === 'else') {
        this.#token++
        return { nodes, ended: word }
      }
      const node = this.#action(word, known, inRange)
      if (node !== undefined) nodes.push(node)
    }
    return { nodes, ended: undefined }
  }

  #action(word: string, known: string[], inRange: boolean): Node | undefined {
    if (word === 'if' || word === 'range' || word === 'with') {
      this.#token++
      return this.#branch(word, known, inRange)
    }
    if (word === 'break' || word === 'continue') {
      if (!inRange) refuse(`${word} outside of range`, this.#source)
      return { kind: word }
    }
    if (word === 'define' || word === 'block' || word === 'template') {
      this.#token++
      const name = this.#next()
      if (name?.kind !== 'string') refuse(`${word} needs a name in quotes`, this.#source)
      if (word === 'template') {
        return { kind: 'call', name: name.text, pipe: this.#peek() === undefined ? undefined : this.#pipe(known) }
      }
      const pipe = word === 'block' ? this.#pipe(known) : undefined
      const action = this.#source
      const { nodes, ended } = this.#body(['$'], false)
      if (ended !== 'end') refuse('a missing {{ end }}', action)
      this.defined.set(name.text, nodes)
      return pipe === undefined ? undefined : { kind: 'call', name: name.text, pipe }
    }
    const pipe = this.#pipe(known)
    return { kind: 'print', pipe }
  }

  #branch(kind: 'if' | 'range' | 'with', known: readonly string[], inRange: boolean): Node {
    const action = this.#source
    const scope = [...known]
    const pipe = this.#pipe(scope)
    const looped = inRange || kind === 'range'
    const { nodes: body, ended } = this.#body(scope, looped)
    if (ended === undefined) refuse('a missing {{ end }}', action)
    if (ended === 'end') return { kind, pipe, body, otherwise: [] }
    const next = this.#peek()
    if (next?.kind === 'word' && (next.text === 'if' || next.text === 'with')) {
      this.#token++
      return { kind, pipe, body, otherwise: [this.#branch(next.text, scope, inRange)] }
    }
    const { nodes: otherwise, ended: closed } = this.#body(scope, inRange)
    if (closed !== 'end') refuse('a missing {{ end }}', action)
    return { kind, pipe, body, otherwise }
  }

  #pipe(known: string[], inParens = false): Pipe {
    const declares: string[] = []
    let assigns = false
    const start = this.#token
    while (this.#peek()?.kind === 'variable') {
      declares.push(this.#next()!.text)
      if (this.#peek()?.text !== ',') break
      this.#token++
    }
    const sign = this.#peek()
    if (declares.length > 0 && sign?.kind === 'sign' && (sign.text === ':=' || sign.text === '=')) {
      this.#token++
      assigns = sign.text === '='
    } else {
      this.#token = start
      declares.length = 0
    }
    const commands: Command[] = []
    for (;;) {
      commands.push(this.#command(known, commands.length > 0))
      const next = this.#peek()
      if (next === undefined && !inParens) break
      if (inParens && next?.text === ')') break
      if (next?.kind !== 'sign' || next.text !== '|')
        refuse(`unexpected ${JSON.stringify(next?.text ?? 'end')}`, this.#source)
      this.#token++
    }
    if (!assigns) known.push(...declares)
    return commands.length === 0 ? EMPTY_PIPE : { declares, assigns, commands }
  }

  #command(known: string[], piped: boolean): Command {
    const terms: Term[] = []
    for (;;) {
      const token = this.#peek()
      if (token === undefined || (token.kind === 'sign' && (token.text === '|' || token.text === ')'))) break
      const operand = this.#operand(this.#next()!, known)
      const fields: string[] = []
      while (this.#peek()?.kind === 'field') fields.push(this.#next()!.text)
      terms.push({ operand, fields })
    }
    if (terms.length === 0) refuse('a missing value', this.#source)
    const callable = terms[0]!.operand.kind === 'function'
    if (!callable && (terms.length > 1 || piped)) refuse('a value that is no function is called', this.#source)
    return terms
  }

  #operand(token: Token, known: string[]): Operand {
    switch (token.kind) {
      case 'string':
        return { kind: 'literal', value: token.text }
      case 'number': {
        const text = token.text.replaceAll('_', '')
        return { kind: 'literal', value: /^[+-]?\d+$/.test(text) ? BigInt(text) : Number(text) }
      }
      case 'variable':
        if (!known.includes(token.text)) refuse(`undefined variable ${token.text}`, this.#source)
        return { kind: 'variable', name: token.text }
      case 'word':
        if (token.text === 'true' || token.text === 'false') return { kind: 'literal', value: token.text === 'true' }
        if (token.text === 'nil') return { kind: 'literal', value: undefined }
        if (!this.#functions.has(token.text))
          refuse(`function ${JSON.stringify(token.text)} is not defined`, this.#source)
        return { kind: 'function', name: token.text }
      case 'sign': {
        if (token.text === '.') return { kind: 'dot' }
        if (token.text !== '(') refuse(`unexpected ${JSON.stringify(token.text)}`, this.#source)
        const pipe = this.#pipe(known, true)
        this.#token++
        return { kind: 'pipe', pipe }
      }
      default:
        return refuse(`unexpected ${JSON.stringify(token.text)}`, this.#source)
    }
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#token]
  }

  #next(): Token | undefined {
    return this.#tokens[this.#token++]
  }
}
