/** Why a message of the central platform was not taken; for the log, so without a word of its content. */
export class Refused extends Error {}
