# The helpers that are plain system calls.

use strict;
use warnings;
use Test::More;
use Errno qw(EBADF EINVAL ENOENT);
use Socket;
use lib 't/lib';
use Tester;
use Time::HiRes 'time';

use IO::AIO;

# pipes
{
    my ($r, $w) = IO::AIO::pipe2 IO::AIO::O_NONBLOCK;
    like("$r", qr/^\*IO::AIO::fd#/, 'pipe2');
    is(syswrite($w, 'hello'), 5, 'write');
    my ($r2, $w2) = IO::AIO::pipe2;
    is(IO::AIO::tee($r, $w2, 5, 0), 5, 'tee');
    is(sysread($r2, my $data, 10), 5, 'has arrived');
    is($data, 'hello', 'the same');
    is(IO::AIO::splice($r, undef, $w2, undef, 5, 0), 5, 'splice');
    is(sysread($r2, $data, 10), 5, 'has arrived');
    is(sysread($r, $data, 10), undef, 'nothing left');
    cmp_ok(IO::AIO::pipesize($r), '>=', 4096, 'pipesize');
    is(IO::AIO::pipesize($r, 8192), 8192, 'is set');
    my @none = IO::AIO::pipe2 0x40000000;
    is(scalar @none, 0, 'bad flags');
    is($! + 0, EINVAL, 'EINVAL');
    open my $in, '<', put(file('in'), 'from a file') or die $!;
    is(IO::AIO::splice($in, 5, $w2, undef, 6, 0), 6, 'from a file');
    sysread $r2, $data, 20;
    is($data, 'a file', 'at an offset');
    is(IO::AIO::fadvise($in, 0, 0, IO::AIO::FADV_SEQUENTIAL), 0, 'fadvise');
    is(IO::AIO::fadvise($in, 0, 0, 99), EINVAL, 'gives the error');
}

# descriptors of all kinds
{
    my $fh = IO::AIO::eventfd 3, IO::AIO::EFD_NONBLOCK;
    is(sysread($fh, my $count, 8), 8, 'eventfd');
    is(unpack('Q', $count), 3, 'its number');
    is(sysread(IO::AIO::eventfd(0, IO::AIO::EFD_NONBLOCK), $count, 8), undef, 'nothing in it');
    $fh = IO::AIO::memfd_create 'memory';
    is(syswrite($fh, 'text'), 4, 'memfd_create');
    is(-s $fh, 4, 'a file');
    is(IO::AIO::memfd_create('x' x 1000), undef, 'no such name');
    is($! + 0, EINVAL, 'EINVAL');
    $fh = IO::AIO::timerfd_create IO::AIO::CLOCK_MONOTONIC;
    my @old = IO::AIO::timerfd_settime $fh, 0, 0.5, 1000.25;
    is_deeply(\@old, [0, 0], 'timerfd_settime');
    my @now = IO::AIO::timerfd_gettime $fh;
    is($now[0], 0.5, 'the interval');
    cmp_ok(abs($now[1] - 1000), '<', 1, 'the value');
    IO::AIO::timerfd_settime $fh, 0, 0, 0.001;
    is(sysread($fh, my $ticks, 8), 8, 'it rings');
    is(IO::AIO::timerfd_create(12345), undef, 'no such clock');
    @now = IO::AIO::timerfd_gettime *STDOUT;
    is(scalar @now, 0, 'no timer');
}

# pidfd
SKIP: {
    my $fh = IO::AIO::pidfd_open $$;
    skip "pidfd: $!", 4 unless $fh;
    local $SIG{USR1} = my $handler = sub { $main::signal++ };
    is(IO::AIO::pidfd_send_signal($fh, 0), 0, 'pidfd_send_signal');
    is(IO::AIO::pidfd_send_signal($fh, 10, {code => -1, pid => $$, uid => $>, value_int => 7}), 0, 'with a value');
    is($main::signal, 1, 'arrives');
    raises { IO::AIO::pidfd_send_signal($fh, 10, 'text') } qr/hashref/, 'no text';
    my $dup = IO::AIO::pidfd_getfd $fh, fileno STDOUT;
    ok($dup || $!, 'pidfd_getfd');
    is(IO::AIO::pidfd_open(-1), undef, 'no such process');
}

# accept4
{
    socket my $server, AF_UNIX, SOCK_STREAM, 0 or die $!;
    bind $server, pack_sockaddr_un(file('socket')) or die $!;
    listen $server, 1;
    socket my $client, AF_UNIX, SOCK_STREAM, 0 or die $!;
    connect $client, pack_sockaddr_un(file('socket')) or die $!;
    my $fh = IO::AIO::accept4 $server, my $name, 1000, IO::AIO::SOCK_CLOEXEC;
    ok($fh, 'accept4');
    is(sockaddr_family($name), AF_UNIX, 'from there');
    syswrite $client, 'hello';
    is(sysread($fh, my $data, 10), 5, 'connected');
    is(IO::AIO::accept4(*STDOUT, $name, 0, 0), undef, 'no socket');
}

# mount is for root, and its errors for all
is(IO::AIO::mount('none', file('none'), 'tmpfs'), -1, 'mount');
ok($!, 'with an error');
is(IO::AIO::umount(file('none')), -1, 'umount');
ok($!, 'with an error');

# limits
{
    my $limit = IO::AIO::get_fdlimit;
    cmp_ok($limit, '>', 10, 'get_fdlimit');
    ok(IO::AIO::min_fdlimit($limit), 'min_fdlimit');
    cmp_ok(IO::AIO::get_fdlimit, '>=', $limit, 'no less');
}

# fexecve
{
    my $pid = fork;
    if (!$pid) {
        open my $fh, '<', '/bin/sh' or die $!;
        IO::AIO::fexecve $fh, ['sh', '-c', 'exit $CODE'], ['CODE=7'];
        require POSIX;
        POSIX::_exit(1);
    }
    waitpid $pid, 0;
    is($? >> 8, 7, 'fexecve');
    raises { IO::AIO::fexecve *STDIN, 'text' } qr/array/, 'no array' if defined fileno STDIN;
}

done_testing;
