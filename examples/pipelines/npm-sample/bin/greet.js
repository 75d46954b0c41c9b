#!/usr/bin/node
console.log("hello");
