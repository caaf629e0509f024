/** Every framework, imported by an ES module. */
import { createRequire } from 'node:module'
import { getRequestListener } from '@hono/node-server'
import KoaRouter from '@koa/router'
import express5 from 'express'
// @ts-expect-error: an older release under another name, without types
import express4 from 'express4'
import fastify5 from 'fastify'
import fastify4 from 'fastify4'
import { Hono } from 'hono'
// @ts-expect-error: it has no types of its own
import Koa from 'koa'
// @ts-expect-error: it has no types of its own
import koaMount from 'koa-mount'
import { type Frameworks, serveFrameworks } from './framework-apps.ts'
import { koa2 } from './koa2.ts'
import { serveNest } from './nest-apps.ts'

const ports = await serveFrameworks({
  express4,
  express5,
  fastify4,
  fastify5,
  koa3: { Koa, Router: KoaRouter },
  koa2: koa2(createRequire(import.meta.url)),
  koaMount,
  hono: { Hono, getRequestListener },
} as unknown as Frameworks)
console.log(JSON.stringify({ ...ports, ...(await serveNest()) }))
