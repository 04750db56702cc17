export { ExecutionQueue, type WakeUp, type WakeUpHandler } from './execution-queue';
export { QueueModule } from './queue.module';
