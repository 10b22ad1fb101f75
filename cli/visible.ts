export { visible, visibleJson } from "../reporters/control.ts";
