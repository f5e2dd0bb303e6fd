# Mapped scalars, and requests on memory.

use strict;
use warnings;
use Test::More;
use Errno qw(EINVAL ENOMEM);
use lib 't/lib';
use Tester;

use IO::AIO;

my $name = put(file('mapped'), 'abc' . "\0" x 20_000);
my $page = IO::AIO::PAGESIZE;

# mmap
{
    open my $fh, '+<', $name or die $!;
    my $data = 'old';
    ok(IO::AIO::mmap($data, 8192, IO::AIO::PROT_READ | IO::AIO::PROT_WRITE, IO::AIO::MAP_SHARED, $fh), 'mmap');
    close $fh;
    is(length $data, 8192, 'so long');
    is(substr($data, 0, 3), 'abc', 'the file');
    substr $data, 0, 2, 'XY';
    is(of { aio_msync $data, 0, undef, IO::AIO::MS_SYNC, $_[0] }, 0, 'msync');
    is(substr(content($name), 0, 3), 'XYc', 'is in the file');
    is(of { aio_mtouch $data, 0, undef, 0, $_[0] }, 0, 'mtouch');
    is(of { aio_mtouch $data, 5, 100, IO::AIO::MT_MODIFY, $_[0] }, 0, 'a part, to write');
    is(substr($data, 0, 3), 'XYc', 'changes nothing');
    raises { aio_mtouch $data, 8193 } qr/offset outside of scalar/, 'outside';
    raises { aio_msync $data, -8193 } qr/offset outside of scalar/, 'before it';
    is(of { aio_msync $data, -10, 5, IO::AIO::MS_ASYNC, $_[0] }, 0, 'from the end');
    is(IO::AIO::madvise($data, 0, undef, IO::AIO::MADV_WILLNEED), 0, 'madvise');
    is(IO::AIO::madvise($data, 0, undef, 9999), EINVAL, 'gives the error');
    my $locked = of { aio_mlock $data, 0, $page, $_[0] };
    SKIP: {
        skip "mlock: $!", 1 if $locked;
        is(IO::AIO::munlock($data, 0, $page), 0, 'munlock');
    }
    is(IO::AIO::mprotect($data, 0, undef, IO::AIO::PROT_READ), 0, 'mprotect');
    is(IO::AIO::mprotect($data, 0, undef, IO::AIO::PROT_READ | IO::AIO::PROT_WRITE), 0, 'and back');
    open my $in, '<', put(file('in'), 'from the file') or die $!;
    is(of { aio_read $in, 0, 13, $data, 0, $_[0] }, 13, 'read into it');
    raises { aio_read $in, 0, 9000, $data, 0 } qr/mmapped scalar is too small/, 'no more than it has';
    like(content($name), qr/^from the file/, 'is in the file');
    IO::AIO::munmap($data);
    is($data, undef, 'munmap');
    $data = 'ordinary';
    is($data, 'ordinary', 'an ordinary scalar');
}
{
    open my $fh, '<', $name or die $!;
    my $data;
    ok(IO::AIO::mmap($data, 4096, IO::AIO::PROT_READ, IO::AIO::MAP_PRIVATE, $fh, 0), 'for reading');
    is(eval { $data = 'x'; 1 }, undef, 'is read-only');
    ok(IO::AIO::mmap($data, 4096, IO::AIO::PROT_READ | IO::AIO::PROT_WRITE,
        IO::AIO::MAP_PRIVATE | IO::AIO::MAP_ANONYMOUS), 'mapped again, without a file');
    is($data, "\0" x 4096, 'zeros');
    substr $data, 10, 3, 'mem';
    ok(IO::AIO::mremap($data, 1 << 20), 'mremap');
    is(length $data, 1 << 20, 'is longer');
    is(substr($data, 10, 3), 'mem', 'the same');
    ok(IO::AIO::mremap($data, 4096), 'and back');
    is(length $data, 4096, 'is shorter');
    ok(!IO::AIO::mmap(my $none, 0, IO::AIO::PROT_READ, IO::AIO::MAP_PRIVATE, $fh), 'no length');
    is($! + 0, EINVAL, 'EINVAL');
    my $maps = () = content('/proc/self/maps') =~ /\n/g;
    for (1 .. 50) {
        IO::AIO::mmap(my $scoped, 8 * 4096, IO::AIO::PROT_READ, IO::AIO::MAP_SHARED | IO::AIO::MAP_ANONYMOUS) or die $!;
    }
    my $now = () = content('/proc/self/maps') =~ /\n/g;
    cmp_ok($now, '<', $maps + 25, 'unmapped with the scalar');
    raises { my $plain = 'x'; IO::AIO::mremap($plain, 10) } qr/mremap/, 'a scalar that is not mapped';
}

# all of memory
SKIP: {
    my $status = of { aio_mlockall IO::AIO::MCL_CURRENT | IO::AIO::MCL_ONFAULT, $_[0] };
    skip "mlockall: $!", 2 if $status;
    is(IO::AIO::munlockall(), 0, 'munlockall');
    is(of { aio_mlockall 0, $_[0] }, -1, 'no flags');
}

# plain scalars
{
    my $data = 'x' x 100_000;
    is(of { aio_mtouch $data, 0, undef, 0, $_[0] }, 0, 'mtouch');
}

done_testing;
