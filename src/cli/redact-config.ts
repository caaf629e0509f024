/**
 * A `prometheus.yml` as others may see it on `status/config`: in the order it was written, with every secret replaced.
 *
 * - Which keys hold one is Prometheus' own list; passwords in URLs count too.
 * - Comments are left out: nobody can tell whether one holds the password of last year.
 * - What can't be parsed is not shown at all.
 */
import { isMap, isScalar, parseDocument, Scalar, visit, type YAMLMap } from 'yaml'

const SECRET = '<secret>'
const KEYS = new Set([
  'password',
  'credentials',
  'bearer_token',
  'client_secret',
  'client_certificate_key',
  'secret_key',
  'access_key',
  'secret',
  'key',
  'token',
  'api_key',
  'service_key',
  'routing_key',
  'application_key',
  'consumer_key',
  'application_secret',
])
/** Below these every value is one: they may carry whatever a proxy or a gateway asks for. */
const SECRET_MAPS = new Set(['proxy_connect_header', 'headers', 'http_headers'])

export function redactYaml(text: string): string {
  const document = parseDocument(text)
  if (document.errors.length > 0) return ''
  withoutComments(document)
  visit(document, { Node: (_, node) => withoutComments(node) })
  visit(document, {
    Pair(_, pair) {
      const key = isScalar(pair.key) ? String(pair.key.value) : ''
      const { value } = pair
      if (SECRET_MAPS.has(key) && isMap(value)) hideAll(value)
      else if (KEYS.has(key) || SECRET_MAPS.has(key)) pair.value = document.createNode(SECRET)
    },
    Scalar(key, scalar) {
      if (key !== 'key' && typeof scalar.value === 'string') scalar.value = withoutPassword(scalar.value)
    },
  })
  return document.toString({ lineWidth: 0 })
}

function withoutComments(of: { comment?: string | null; commentBefore?: string | null }): void {
  of.comment = null
  of.commentBefore = null
}

/** Every value below, however deep; the names stay. */
function hideAll(map: YAMLMap): void {
  visit(map, {
    Scalar(key, scalar) {
      if (key !== 'key') scalar.value = SECRET
    },
    Alias: () => new Scalar(SECRET),
  })
}

function withoutPassword(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/[^/@:\s]*):[^/@\s]*@/i, '$1:xxxxx@')
}
