// validate.mjs SCHEMA FILE...: prints what of the files a JSON schema does not allow.
import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";
const [schema, ...files] = process.argv.slice(2);
const validate = new Ajv.default({ allErrors: true, strict: true, allowUnionTypes: true }).compile(JSON.parse(readFileSync(schema, "utf8")));
for (const file of files) {
  if (!validate(JSON.parse(readFileSync(file, "utf8")))) {
    console.log(file, JSON.stringify(validate.errors));
    process.exitCode = 1;
  }
}
