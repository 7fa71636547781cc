import { showLocalTimes } from './player/words.js';

showLocalTimes(document);
