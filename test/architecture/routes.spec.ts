import { Controller, Get, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import request from 'supertest';
import { type Problem, ProblemFilter } from '../../src/common';
import { PERMISSIONS, Public, Requires } from '../../src/workspaces';
import { AccessGuard } from '../../src/workspaces/access/access.guard';
import { RequestAccess } from '../../src/workspaces/access/request-access';
import { RequestAuthenticator } from '../../src/workspaces/access/request-authenticator';
import { RateLimits } from '../../src/workspaces/limits/rate-limits';
import { TestApp } from '../support/test-app';
import { declaredRoutes, routesOf } from './route-list';

@Controller('sample')
class SampleController {
  @Get('open')
  @Public()
  open(): string {
    return 'open';
  }

  @Get('guarded')
  @Requires('workspace:read')
  guarded(): string {
    return 'guarded';
  }

  @Get('forgotten')
  forgotten(): string {
    return 'forgotten';
  }
}

describe('routes', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await TestApp.start();
  });

  afterAll(async () => {
    await app.close();
  });

  it('each declare a permission or that they are public', () => {
    const silent = declaredRoutes(app.app).filter(({ access }) => access === undefined);
    expect(silent).toEqual([]);
  });

  it('are found all: Express serves exactly these, and the documentation', () => {
    const operations = servedRoutes(app.app).filter((name) => !/^get \/docs\b/.test(name));
    const served = [...new Set(operations)];
    const declared = declaredRoutes(app.app).map(({ operation }) => operation);
    expect(served.sort()).toEqual(declared.sort());
    expect(declared).toContain('post /api/workspaces/{workspaceId}/executions');
  });

  it('are public only where anybody may know', () => {
    const open = declaredRoutes(app.app).filter(({ access }) => access === 'public');
    expect(open.map(({ operation }) => operation).sort()).toEqual([
      'get /health/live',
      'get /health/ready',
    ]);
  });

  it('take their caller as it was a moment ago only where an execution starts', () => {
    const assuming = declaredRoutes(app.app).filter(({ mayAssume }) => mayAssume);
    expect(assuming.map(({ operation }) => operation)).toEqual([
      'post /api/workspaces/{workspaceId}/executions',
    ]);
  });

  it('use every permission', () => {
    const used = new Set(declaredRoutes(app.app).map(({ access }) => access));
    const unused = Object.keys(PERMISSIONS).filter((permission) => !used.has(permission as never));
    expect(unused).toEqual([]);
  });

  it('that declare nothing are seen here', () => {
    const silent = routesOf(SampleController).filter(({ access }) => access === undefined);
    expect(silent).toEqual([
      {
        handler: 'SampleController.forgotten',
        operation: 'get /api/sample/forgotten',
        mayAssume: false,
        access: undefined,
      },
    ]);
  });

  it('that declare nothing are refused to everybody', async () => {
    @Module({
      controllers: [SampleController],
      providers: [
        { provide: APP_GUARD, useClass: AccessGuard },
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: RequestAuthenticator, useValue: {} },
        { provide: RateLimits, useValue: {} },
        RequestAccess,
      ],
    })
    class SampleModule {}
    const testingModule = await Test.createTestingModule({ imports: [SampleModule] }).compile();
    const sample = testingModule.createNestApplication<NestExpressApplication>();
    await sample.init();
    try {
      await request(sample.getHttpServer()).get('/sample/open').expect(200);
      const refused = await request(sample.getHttpServer())
        .get('/sample/forgotten')
        .set('Authorization', `Bearer ${app.ownerToken}`)
        .expect(403);
      expect((refused.body as Problem).detail).toBe('This route declares no permission.');
    } finally {
      await sample.close();
    }
  });
});

interface Layer {
  readonly route?: { readonly path: string; readonly methods: Readonly<Record<string, boolean>> };
}

function servedRoutes(application: NestExpressApplication): string[] {
  const express = application.getHttpAdapter().getInstance() as {
    router: { stack: readonly Layer[] };
  };
  return express.router.stack.flatMap(({ route }) => {
    const methods = Object.keys(route?.methods ?? {});
    // Middleware of Nest is mounted as a route of every method.
    if (route === undefined || methods.length !== 1) return [];
    return `${methods[0]!} ${route.path.replace(/:(\w+)/g, '{$1}')}`;
  });
}
