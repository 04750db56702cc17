export { ExecutionsModule } from './executions.module';
export { ServerGate } from './lifecycle/server-gate';
