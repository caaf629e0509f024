/**
 * What `--web.config.file` says now, certificates included: read anew when it has changed, without a restart.
 *
 * - It is looked at when somebody comes, once a second at most. What is wrong then is logged, and what was right before holds on:
 *   a slip of an editor must neither open the door nor shut it.
 * - It never says less than it was opened for: a listener that others reach stays one that asks who they are, and TLS is on or off
 *   from the start.
 */
import { readFileSync, statSync } from 'node:fs'
import { createSecureContext, type SecureContextOptions, type SecureVersion } from 'node:tls'
import { AssayError, type Clock, type Log, messageOf, type TlsVersion } from '#core'
import { parseWebConfig, type WebConfig, type WebTls } from '#model'

export type WebConfigDeps = { readonly clock: Clock; readonly log: Log }

/** How long what was found is taken for true. */
export const LOOK_MS = 1000

const VERSIONS: Readonly<Record<TlsVersion, SecureVersion>> = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
}

type Loaded = {
  readonly config: WebConfig
  readonly secure: SecureContextOptions | undefined
  /** Names of the files, and how each looked. */
  readonly files: readonly string[]
  readonly look: string
}

export class WebConfigFile {
  readonly #file: string
  readonly #deps: WebConfigDeps
  #loaded: Loaded
  #lookedAt: number
  #revision = 1
  #refused = ''
  #demand: (config: WebConfig) => string | undefined = () => undefined

  /** Throws `ASSAY_WEB_CONFIG`: what is wrong with it, or with a file it names. */
  constructor(file: string, deps: WebConfigDeps) {
    this.#file = file
    this.#deps = deps
    this.#loaded = load(file)
    this.#lookedAt = deps.clock.monotonicMs()
  }

  /** From now on a content of which `demand` has something to say is refused. */
  hold(demand: (config: WebConfig) => string | undefined): void {
    this.#demand = demand
  }

  get config(): WebConfig {
    this.#look()
    return this.#loaded.config
  }

  /** Certificate, key, trust, versions; `undefined` without TLS. */
  get secure(): SecureContextOptions | undefined {
    this.#look()
    return this.#loaded.secure
  }

  /** Grows with every change. */
  get revision(): number {
    this.#look()
    return this.#revision
  }

  #look(): void {
    const now = this.#deps.clock.monotonicMs()
    if (now - this.#lookedAt < LOOK_MS) return
    this.#lookedAt = now
    if (lookOf(this.#loaded.files) === this.#loaded.look) return
    try {
      const next = load(this.#file)
      const refusal =
        (next.secure === undefined) === (this.#loaded.secure === undefined)
          ? this.#demand(next.config)
          : 'TLS is switched on or off at the start alone; start again'
      if (refusal !== undefined) throw new AssayError('ASSAY_WEB_CONFIG', `${this.#file}: ${refusal}`)
      this.#loaded = next
      this.#revision++
      this.#refused = ''
      this.#deps.log.info({ file: this.#file }, 'the configuration of the listener is read anew')
    } catch (thrown) {
      const said = messageOf(thrown)
      if (said === this.#refused) return
      this.#refused = said
      this.#deps.log.error({ err: said }, 'the configuration of the listener is refused, the old one stays')
    }
  }
}

function load(file: string): Loaded {
  const files = [file]
  // Before it is read: a change in between is then seen at the next look.
  const look = lookOf(files)
  const config = parseWebConfig(read(file), file)
  if (config.tls === undefined) return { config, secure: undefined, files, look }
  const named = filesOf(config.tls)
  const all = [...files, ...named]
  const lookOfAll = lookOf(all)
  const secure = secureOf(config.tls)
  try {
    createSecureContext(secure)
  } catch (cause) {
    throw new AssayError(
      'ASSAY_WEB_CONFIG',
      `${file}: TLS can't be spoken with ${named.length === 0 ? 'what stands in it' : named.join(', ')}: ${messageOf(cause)}; a certificate and its own key in PEM are needed`,
      { cause },
    )
  }
  return { config, secure, files: all, look: lookOfAll }
}

function secureOf(tls: WebTls): SecureContextOptions {
  const text = (pem: WebTls['cert']) => ('text' in pem ? pem.text : read(pem.file))
  return {
    cert: text(tls.cert),
    key: text(tls.key),
    ...(tls.clientCa === undefined ? {} : { ca: text(tls.clientCa) }),
    minVersion: VERSIONS[tls.minVersion],
    maxVersion: VERSIONS[tls.maxVersion],
    honorCipherOrder: tls.serverPrefers,
    ...(tls.ciphers.length === 0 ? {} : { ciphers: tls.ciphers.join(':') }),
    ...(tls.curves.length === 0 ? {} : { ecdhCurve: tls.curves.join(':') }),
  }
}

function filesOf({ cert, key, clientCa }: WebTls): readonly string[] {
  return [cert, key, clientCa].flatMap((pem) => (pem !== undefined && 'file' in pem ? [pem.file] : []))
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new AssayError('ASSAY_WEB_CONFIG', `${file}: can't be read: ${messageOf(cause)}`, { cause })
  }
}

function lookOf(files: readonly string[]): string {
  return files
    .map((file) => {
      const stat = statSync(file, { throwIfNoEntry: false })
      return stat === undefined ? 'gone' : `${stat.ino} ${stat.size} ${stat.mtimeMs}`
    })
    .join('\n')
}
