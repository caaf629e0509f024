/** Every framework, required by a CommonJS module. */
const { serveFrameworks } = require('./framework-apps.ts')
const { koa2 } = require('./koa2.ts')
const { serveNest } = require('./nest-apps.ts')

serveFrameworks({
  express4: require('express4'),
  express5: require('express'),
  fastify4: require('fastify4'),
  fastify5: require('fastify'),
  koa3: { Koa: require('koa'), Router: require('@koa/router') },
  koa2: koa2(require),
  koaMount: require('koa-mount'),
  hono: { Hono: require('hono').Hono, getRequestListener: require('@hono/node-server').getRequestListener },
}).then(async (ports: Record<string, number>) => console.log(JSON.stringify({ ...ports, ...(await serveNest()) })))
