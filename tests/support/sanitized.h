/* sanitized.h - SANITIZED is 1 in a build with the address or the thread sanitizer, which needs
 * the whole address space and ends the program when an allocation is impossible. */
#ifndef BURIN_SANITIZED_H
#define BURIN_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#if !defined(SANITIZED)
#define SANITIZED 0
#endif

#endif
