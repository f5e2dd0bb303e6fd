# What 4.80 did wrong, each by its number in the list of differences in the manual.

use strict;
use warnings;
use Test::More;
use Errno qw(ENOENT EISDIR);
use Fcntl;
use lib 't/lib';
use Tester;

use IO::AIO;

my $name = put(file('file'), 'data');

{    # 1
    aio_stat file("none$_") for 1 .. 50;
    IO::AIO::flush;
    my @wrong;
    aio_stat $name, sub { push @wrong, $! + 0 if $! + 0 } for 1 .. 50;
    IO::AIO::flush;
    is_deeply(\@wrong, [], '$! is 0 after a success');
}
{    # 2
    my $lived = do { my $ok; { local $@ = 'stale'; aio_nop; $ok = eval { IO::AIO::flush; 1 } } $ok };
    is($lived, 1, 'a stale $@ kills no poll');
}
{    # 3
    my $before = aio_files;
    aio_open $name, O_RDONLY, 0 for 1 .. 20;
    aio_wd dir for 1 .. 20;
    IO::AIO::flush;
    is(aio_files, $before, 'an open without a callback leaks no descriptor');
}
{    # 4
    my $before = aio_files;
    for (1 .. 10) { my $req = aio_readdir dir, sub { }; $req->cancel }
    IO::AIO::flush;
    is(aio_files, $before, 'nor does a cancelled readdir');
}
{    # 5
    for my $call (\&aio_rename, \&aio_link, \&aio_rename2) {
        my @got;
        $call == \&aio_rename2 ? $call->($name, [undef, 'y'], 0, sub { @got = ($_[0], $! + 0) })
            : $call->($name, [undef, 'y'], sub { @got = ($_[0], $! + 0) });
        IO::AIO::flush;
        is_deeply(\@got, [-1, ENOENT], 'no directory in the second path');
    }
}
{    # 6
    my $wd = of { aio_wd dir, $_[0] };
    is(of { aio_symlink 'text', [$wd, 'sym'], $_[0] }, 0, 'symlink');
    is(readlink file('sym'), 'text', 'in the directory of its name');
}
{    # 7
    utime 1000, 1000, $name;
    is(of { aio_utime $name, 5, undef, $_[0] }, 0, 'utime with one time');
    is((stat $name)[9], 0, 'the other is 0');
}
{    # 8
    open my $fh, '<', $name or die $!;
    for my $constant ('literal') {
        raises { aio_read $fh, 0, 4, $constant, 0 } qr/Modification of a read-only value/, 'a constant';
    }
}
{    # 9
    is(of { aio_copy dir, file('copy'), $_[0] }, -1, 'a copy that fails');
    errno_is(EISDIR, 'says why');
    ok(!-e file('copy'), 'and leaves nothing');
}
{    # 10
    my $grp = aio_group sub { eval { 1 } };
    add $grp aio_nop sub { die "text\n" };
    eval { IO::AIO::flush };
    is($@, "text\n", 'the text of an exception stays');
    IO::AIO::flush;
}
{    # 11
    my $data;
    cmp_ok(of { aio_slurp '/proc/self/status', 0, 0, $data, $_[0] }, '>', 0, 'slurp of procfs');
    cmp_ok(of { aio_load '/proc/self/status', $data, $_[0] }, '>', 0, 'load of procfs');
    is(of { aio_slurp $name, 100, 0, $data, $_[0] }, 0, 'slurp beyond the end');
}
{    # 12
    mkdir file('tree');
    my $wd = of { aio_wd dir, $_[0] };
    is(of { aio_rmtree [$wd, 'tree'], $_[0] }, 0, 'rmtree below a directory object');
}
{    # 13
    open my $fh, '+<', $name or die $!;
    raises { aio_write $fh, 0, -1, 'data', 2 } qr/length must not be negative/, 'a negative length';
}
{    # 14
    my @ended;
    my ($one, $two) = map { my $n = $_; aio_group sub { push @ended, $n } } 1, 2;
    my $req = aio_nop;
    add $_ $req for $one, $two;
    IO::AIO::flush;
    is_deeply([sort @ended], [1, 2], 'a member of two groups');
}
SKIP: {    # 15
    skip 'root may read everything', 2 unless $>;
    mkdir file('search'), 0100;
    put(file('secret'), '');
    chmod 0, file('secret');
    ok(of { aio_wd file('search'), $_[0] }, 'a directory that can only be searched');
    ok(of { aio_statvfs file('secret'), $_[0] }, 'statvfs of a file that cannot be read');
}
{    # 16
    is(of { aio_unlink "$name\0more", $_[0] }, -1, 'a NUL in a path');
    ok(-e $name, 'cuts nothing off');
}
{    # 17
    open my $fh, '<', $name or die $!;
    my $short = 'x';
    is(of { aio_ioctl $fh, 0x541B, $short, $_[0] }, 0, 'a short buffer') if -f $fh;
    cmp_ok(length $short, '>=', 1, 'has room for the answer');
}
{    # 18
    my $rss = sub { (content('/proc/self/statm') =~ /^\d+ (\d+)/)[0] };
    stat $name;
    IO::AIO::st_xtime, IO::AIO::st_xtimensec for 1 .. 1000;
    my $before = $rss->();
    for (1 .. 50_000) { my @x = (IO::AIO::st_xtime, IO::AIO::st_xtimensec) }
    cmp_ok($rss->() - $before, '<', 500, 'times leak no memory');
}
{    # 19
    open my $fh, '<', $name or die $!;
    my $data;
    ok(IO::AIO::mmap($data, 4, IO::AIO::PROT_READ, IO::AIO::MAP_SHARED, $fh), 'reading needs no handle for writing');
    is(IO::AIO::munlockall, 0, 'munlockall has a result');
}

done_testing;
