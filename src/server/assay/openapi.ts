/** The OpenAPI 3.1 document of assay's own API, made of the one list of routes and the schemas. Pure. */
import { z } from 'zod'
import { SCHEMAS, type SchemaName } from './schemas.ts'

/** One path and method, described. `path` with parameters as `:id`. */
export type RouteDoc = {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly id: string
  readonly summary: string
  readonly answer: SchemaName
  readonly body?: SchemaName
  /** Of the answer; JSON when absent. */
  readonly mediaType?: string
  readonly query?: Readonly<Record<string, string>>
  /** The refusals a caller should expect, and when. */
  readonly refusals?: Readonly<Record<string, string>>
}

export const BASE = '/api/assay/v1'

export function openApi(routes: readonly RouteDoc[], serverUrl: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const path = `${BASE}${route.path.replace(/:(\w+)/g, '{$1}')}`
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'assay',
      version: '1',
      description:
        'What assay sees, judges and does. Instants are RFC 3339 in UTC; null is absence; missing data is null, never zero. Calls that change something need `Content-Type: application/json` and, from a browser, the same origin.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: serverUrl }],
    paths,
    components: { schemas: componentSchemas() },
  }
}

function operation({ id, summary, answer, body, mediaType, path, query = {}, refusals = {} }: RouteDoc): unknown {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const inQuery = Object.entries(query).map(([name, description]) => ({
    name,
    in: 'query',
    description,
    schema: { type: 'string' },
  }))
  const refused = Object.entries(refusals).map(([code, description]) => [code, { description, content: json('Error') }])
  return {
    operationId: id,
    summary,
    parameters: [...inPath, ...inQuery],
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(body) } }),
    responses: {
      200: { description: summary, content: { [mediaType ?? 'application/json']: { schema: ref(answer) } } },
      ...Object.fromEntries(refused),
    },
  }
}

function json(schema: SchemaName): unknown {
  return { 'application/json': { schema: ref(schema) } }
}

function ref(schema: SchemaName): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${schema}` }
}

/** Schemas that use one another refer to one another. A reader must let pass what it does not know: the API may grow. */
function componentSchemas(): Record<string, unknown> {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(SCHEMAS)) registry.add(schema, { id })
  const { schemas } = z.toJSONSchema(registry, {
    uri: (id) => `#/components/schemas/${id}`,
    override: ({ jsonSchema }) => {
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
    },
  })
  return Object.fromEntries(
    Object.entries(schemas).map(([id, schema]) => {
      const { $schema: _dialect, $id: _address, ...rest } = schema
      return [id, rest]
    }),
  )
}
