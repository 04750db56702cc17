export { webUi } from './web-ui';
