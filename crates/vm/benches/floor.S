# The do-nothing init of the boot measurement (see boot.rs): writes one byte to the console it was
# started with, then waits to be killed. 0x06 (ACK) is a byte that no kernel message holds.
# Build: gcc -static -nostdlib -no-pie -Wl,--build-id=none -o floor floor.S
    .globl _start
    .text
_start:
    movl    $1, %eax            # write(1, &ready, 1)
    movl    $1, %edi
    leaq    ready(%rip), %rsi
    movl    $1, %edx
    syscall
1:  movl    $34, %eax           # pause()
    syscall
    jmp     1b
ready:
    .byte   6
    .section .note.GNU-stack, "", @progbits
