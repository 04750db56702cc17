import 'reflect-metadata';
import { runCommandLine } from './cli/index';

void runCommandLine();
