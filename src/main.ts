import 'reflect-metadata';
import { runServer } from './startup';

void runServer();
